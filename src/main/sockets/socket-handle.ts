/** The handle below a socket of node:net. */
export interface SocketHandle {
  /** −1 where there are no file descriptors. */
  readonly fd: number
  /** Of all reads together. */
  readonly bytesRead: number
  /**
   * Called when something was read, when nothing was although the system said so, and at the end of the connection, whatever
   * ended it. What it returns is the next buffer.
   */
  onread: (this: SocketHandle) => undefined
  /** Where reads go to. */
  useUserBuffer(bytes: Uint8Array): void
  setNoDelay(isOn: boolean): number
  readStart(): number
  readStop(): number
  close(onClosed?: () => void): void
  /** Puts the address of the other end into `into`, if there is one; answers the number of the error otherwise. */
  getpeername(into: { address?: string; port?: number }): number
}
