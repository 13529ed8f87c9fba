/** The part of the WebSocket API that the client uses: the class of browsers and Node 22, or that of the package `ws`. */
export interface LiveSocket {
  binaryType: string
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type LiveSocketClass = new (url: string) => LiveSocket
