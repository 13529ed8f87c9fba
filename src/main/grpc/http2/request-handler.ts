import type { Leaver } from './leaver.js'
import type { RequestHead } from './request-head.js'
import type { Http2Stream } from './stream.js'

/** Who answers the requests of a connection. */
export interface RequestHandler {
  /** A request began; `truncated` says that its header list exceeded the limit and `head` lacks fields. */
  onRequest(stream: Http2Stream, head: RequestHead, truncated: boolean): void
  /** Around everything that is done for one read of the socket. */
  onReadStart(): void
  onReadEnd(): void
  /** A request has sent nothing for longer than requestStallTimeoutMs allows. */
  onRequestStalled(stream: Http2Stream): void
  /** A fault of our own, which ends the connection. */
  onFault(error: unknown): void
  /**
   * The connection is over; its streams have been told.
   *
   * @param leaver what is left of it, if it has only been told to go: to be kept until that has gone, and ticked
   */
  onClosed(leaver?: Leaver): void
}
