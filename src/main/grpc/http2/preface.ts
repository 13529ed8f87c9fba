import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { ConnectionError } from './errors.js'
import { CLIENT_PREFACE, writeWindowUpdate } from './frame.js'
import type { ConnectionLimits } from './limits.js'
import { SettingId, WINDOW_BYTES_DEFAULT, writeSettings } from './settings.js'

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
   * Takes what `chunk` has of it; answers where the frames begin.
   *
   * @throws ConnectionError
   */
  read(chunk: Buffer): number {
    const count = matchPreface(chunk, this.takenBytes)
    if (count < 0) throw new ConnectionError('PROTOCOL_ERROR', 'no HTTP/2 connection preface')
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

/** Whether a connection whose first bytes these are may speak HTTP/2. */
export function beginsPreface(chunk: Buffer): boolean {
  return matchPreface(chunk, 0) >= 0
}

/** How many bytes of the preface `chunk` has, of which `takenBytes` came before; −1 when it has others. */
function matchPreface(chunk: Buffer, takenBytes: number): number {
  const count = Math.min(CLIENT_PREFACE.length - takenBytes, chunk.length)
  return CLIENT_PREFACE.compare(chunk, 0, count, takenBytes, takenBytes + count) === 0 ? count : -1
}
