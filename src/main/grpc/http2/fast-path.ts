import type { RequestHead } from './request-head.js'

/**
 * A shortcut for requests of a known form, per connection. It sees HEADERS and DATA before the ordinary machinery does
 * and may take them; what it took it holds until it answers, drops or gives it back as an ordinary stream.
 */
export interface FastPath {
  /** Streams that are held now. */
  readonly heldCount: number
  /**
   * A header block, whole, that opens a new stream whose body is still to come. True: the request is held. The block may
   * be taken only if the HPACK state afterwards is what decoding would have made it.
   */
  onHeaders(streamId: number, buffer: Buffer, start: number, end: number): boolean
  /** DATA without padding. False: the ordinary way deals with it; a stream that was held has been given back before. */
  onData(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): boolean
  /** False: the stream is not held. */
  onWindowUpdate(streamId: number, increment: number): boolean
  /** The peer changed the initial window of all streams. @throws ConnectionError when that of one is too large now */
  onWindowsShifted(): void
  /** The connection may be able to send again. */
  onRoom(): void
  /** The stream is reset, by either side. False: it is not held. */
  onReset(streamId: number): boolean
  /** A request whose block was decoded the ordinary way, for next time. */
  learn(head: RequestHead): void
  /** Makes a held stream an ordinary one, if it is held. */
  giveBack(streamId: number): void
  /**
   * To be called about every second: gives back all whose body has not come, and ends those whose time is over. True when
   * some cannot be answered before the peer takes more.
   */
  tick(nowMs: number): boolean
  /** Makes everything held ordinary streams. */
  giveBackAll(): void
  /** The connection is lost: forgets everything held. */
  dropAll(): void
}
