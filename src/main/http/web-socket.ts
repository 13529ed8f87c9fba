import type { Plane } from './route.js'

/** An open WebSocket, whichever server has it. */
export interface WebSocketConnection {
  /**
   * Sends a message: text for a string, binary for bytes, which may be used again afterwards. What the client does not take
   * is buffered: who sends much looks at {@link bufferedAmount} and goes on at `drain`. Does nothing once it is closed.
   */
  send(message: string | Uint8Array): void
  /** Bytes that were sent and still wait in this process. */
  readonly bufferedAmount: number
  /** Begins the closing handshake; `close` of the handler follows. @param code 1000, 1001 or 3000…4999 */
  close(code?: number, reason?: string): void
  /** Several messages in one write. */
  cork(send: () => void): void
}

/** What happens to one WebSocket. Nothing here may throw; what does is logged, and the connection closed with 1011. */
export interface WebSocketHandler {
  /** @param message valid during the call alone */
  message(message: Uint8Array, isBinary: boolean): void
  /** All or some of what was buffered has been sent. */
  drain(): void
  /** Last call, once. */
  close(code: number): void
}

/** The request that a WebSocket begins with. */
export interface UpgradeRequest {
  readonly path: string
  readonly query: string
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
}

/** A path at which WebSockets are opened. */
export interface WebSocketRoute {
  /** Literal. */
  readonly path: string
  readonly plane: Plane
  /** Longer messages close the connection with 1009. */
  readonly messageBytesMax: number
  /** More that waits to be sent closes the connection: its client is too slow. */
  readonly bufferedBytesMax: number
  /** Subprotocols that it speaks, the one preferred first; a client that offers none is taken, too. */
  readonly protocols?: readonly string[]
  /** A connection was refused: a page of another site wanted it. */
  onRefused?(): void
  open(socket: WebSocketConnection, request: UpgradeRequest): WebSocketHandler
}
