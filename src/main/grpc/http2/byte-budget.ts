/** Bytes that all connections of a server may hold together. */
export interface ByteBudget {
  /** False when there is no room for so many more. */
  take(lengthBytes: number): boolean
  give(lengthBytes: number): void
}
