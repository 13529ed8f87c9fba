/** What a client has sent since MULTI. */
export interface Transaction {
  readonly commands: (readonly Buffer[])[]
  /** What they take of memory. */
  bytes: number
  /** One of them cannot be carried out: none is. */
  isBroken: boolean
  /** EXEC carries them out now. */
  isExecuting: boolean
}
