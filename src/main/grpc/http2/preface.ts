import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { ConnectionError } from './errors.js'
import { CLIENT_PREFACE, writeWindowUpdate } from './frame.js'
import type { ConnectionLimits } from './limits.js'
import { SettingId, WINDOW_BYTES_DEFAULT, writeSettings } from './settings.js'

/** How a client begins that speaks HTTP/1. */
const HTTP1_REQUEST = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S/
const HTTP1_ANSWER =
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'

/** What a preface is answered with. */
export type GreetingLimits = Pick<
  ConnectionLimits,
  'concurrentStreamsMax' | 'streamWindowBytes' | 'connectionWindowBytes' | 'headerListBytesMax'
>

/** The first bytes of a connection (RFC 9113, section 3.4): the client's preface, and our SETTINGS in answer to it. */
export class Preface {
  private readonly limits: GreetingLimits
  private readonly output: OutputBuffer
  private takenBytes = 0

  constructor(limits: GreetingLimits, output: OutputBuffer) {
    this.limits = limits
    this.output = output
  }

  get done(): boolean {
    return this.takenBytes === CLIENT_PREFACE.length
  }

  /**
   * Takes what `chunk` has of it; answers where the frames begin, or −1 for a client of HTTP/1, which has been told so.
   *
   * @throws ConnectionError
   */
  read(chunk: Buffer): number {
    const count = Math.min(CLIENT_PREFACE.length - this.takenBytes, chunk.length)
    if (CLIENT_PREFACE.compare(chunk, 0, count, this.takenBytes, this.takenBytes + count) !== 0) {
      if (this.takenBytes > 0 || !HTTP1_REQUEST.test(chunk.toString('latin1', 0, 32))) {
        throw new ConnectionError('PROTOCOL_ERROR', 'no HTTP/2 connection preface')
      }
      this.output.append(Buffer.from(HTTP1_ANSWER, 'latin1'))
      return -1
    }
    this.takenBytes += count
    if (this.done) this.greet()
    return count
  }

  private greet(): void {
    const { limits } = this
    writeSettings(this.output, [
      [SettingId.MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax],
      [SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
    ])
    const increment = limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT
    if (increment > 0) writeWindowUpdate(this.output, 0, increment)
  }
}
