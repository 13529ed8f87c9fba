import { connect, type Socket } from 'node:net'
import {
  CLIENT_PREFACE,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  readUint24,
  readUint31,
} from '../../src/main/grpc/http2/frame.js'
import { callBlock, frame, headersFrame, settingsFrame, uint32 } from './http2-frames.js'

const WINDOW_BYTES_MAX = 2 ** 31 - 1
const WINDOW_BYTES_DEFAULT = 65_535
const INITIAL_WINDOW_SIZE = 4

/** What a client begins with that lets itself be sent anything. */
const GREETING = Buffer.concat([
  CLIENT_PREFACE,
  settingsFrame([INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX]),
  frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(WINDOW_BYTES_MAX - WINDOW_BYTES_DEFAULT)),
])

/**
 * A client of `pb.GroupCache/Get` in as few steps as HTTP/2 allows, since it measures servers: it sends prepared frames
 * and reads of answers only whether they have a body.
 */
export class FrameConnection {
  /** Resolves once the connection is over; rejects when there is none. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #block: Buffer
  readonly #onAnswer: (latencyMs: number, isAnswered: boolean) => void
  readonly #sentMs = new Map<number, number>()
  readonly #answered = new Set<number>()
  #nextStream = 1
  #pending = Buffer.alloc(0)
  #out: Buffer[] = [GREETING]
  #receivedBytes = 0

  /** @param onAnswer of each call once; send() may be called from it */
  constructor(address: string, onAnswer: (latencyMs: number, isAnswered: boolean) => void) {
    const [host, port] = address.split(':')
    this.#onAnswer = onAnswer
    this.#block = headersFrame(0, callBlock('/pb.GroupCache/Get'))
    this.#socket = connect({ host: host!, port: Number(port), noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.closed = new Promise((resolve, reject) => {
      this.#socket.on('error', reject)
      this.#socket.on('close', () => resolve())
    })
  }

  /** Calls that have no answer yet. */
  get pendingCount(): number {
    return this.#sentMs.size
  }

  /** Adds a call, in the form of a framed message, to what flush() sends. */
  send(request: Buffer): void {
    const stream = this.#nextStream
    this.#nextStream += 2
    const headers = Buffer.from(this.#block)
    headers.writeUInt32BE(stream, 5)
    this.#out.push(headers, frame(FrameType.DATA, Flag.END_STREAM, stream, request))
    this.#sentMs.set(stream, performance.now())
  }

  flush(): void {
    // A PING may come with the last answer, after which this side has ended.
    if (this.#out.length > 0 && this.#socket.writable) this.#socket.write(Buffer.concat(this.#out))
    this.#out = []
  }

  end(): void {
    this.#socket.end()
  }

  /** Without waiting for anything. */
  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + readUint24(bytes, 0)
      if (bytes.length < end) break
      this.#take(bytes[3]!, bytes[4]!, readUint31(bytes, 5), bytes.subarray(FRAME_HEADER_BYTES, end))
      bytes = bytes.subarray(end)
    }
    this.#pending = Buffer.from(bytes)
    if (this.#receivedBytes > WINDOW_BYTES_MAX / 4) {
      this.#out.push(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(this.#receivedBytes)))
      this.#receivedBytes = 0
    }
    this.flush()
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FrameType.DATA) {
      this.#receivedBytes += payload.length
      if (payload.length > 0) this.#answered.add(stream)
    }
    const isAck = (flags & Flag.ACK) !== 0
    if (type === FrameType.SETTINGS && !isAck) this.#out.push(frame(FrameType.SETTINGS, Flag.ACK, 0))
    if (type === FrameType.PING && !isAck) this.#out.push(frame(FrameType.PING, Flag.ACK, 0, payload))
    if (type === FrameType.GOAWAY) this.#socket.end()
    const carriesEnd = type === FrameType.DATA || type === FrameType.HEADERS
    if (type === FrameType.RST_STREAM || (carriesEnd && (flags & Flag.END_STREAM) !== 0)) this.#finish(stream)
  }

  #finish(stream: number): void {
    const sentMs = this.#sentMs.get(stream)
    if (sentMs === undefined) return
    this.#sentMs.delete(stream)
    this.#onAnswer(performance.now() - sentMs, this.#answered.delete(stream))
  }
}
