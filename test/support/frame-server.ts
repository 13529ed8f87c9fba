import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { CLIENT_PREFACE, Flag, FrameType } from '../../src/main/grpc/http2/frame.js'
import {
  block,
  type Frame,
  frame,
  headerLists,
  headersFrame,
  messageFrame,
  parseFrames,
  settingsFrame,
} from './http2-frames.js'

export const RESPONSE_HEADERS = block(':status', '200', 'content-type', 'application/grpc')
export const RESPONSE_TRAILERS = block('grpc-status', '0')
export const END_HEADERS = Flag.END_HEADERS
export const END_BOTH = Flag.END_HEADERS | Flag.END_STREAM
export const SETTINGS_ACK = frame(FrameType.SETTINGS, Flag.ACK, 0)

/** A good answer. */
export function replyFrames(streamId: number, message: Uint8Array): Buffer {
  return Buffer.concat([
    headersFrame(streamId, RESPONSE_HEADERS),
    messageFrame(streamId, message, 0),
    headersFrame(streamId, RESPONSE_TRAILERS, END_BOTH),
  ])
}

/** The server's end of a connection: sees every frame and sends any bytes. */
export class FrameConnection {
  readonly socket: Socket
  /** Resolves once the client is gone. */
  readonly closed: Promise<unknown>
  #received: Buffer = Buffer.alloc(0)
  #taken = 0
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('close', () => this.#wake())
  }

  /** Everything that came after the preface. */
  get frames(): Frame[] {
    return parseFrames(this.#received.subarray(CLIENT_PREFACE.length))
  }

  get preface(): Buffer {
    return this.#received.subarray(0, CLIENT_PREFACE.length)
  }

  /** Header lists that came on a stream. */
  headers(streamId: number): Record<string, string> {
    return headerLists(this.frames).get(streamId)?.[0] ?? {}
  }

  /** The next frame of this type that was not taken yet; those before it are passed over. */
  async next(type: number, flags = 0): Promise<Frame> {
    for (;;) {
      const { frames } = this
      while (this.#taken < frames.length) {
        const candidate = frames[this.#taken++]!
        if (candidate.type === type && (candidate.flags & flags) === flags) return candidate
      }
      if (this.socket.destroyed) throw new Error(`The client closed without a frame of type ${type}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The stream of the next whole request. */
  async request(): Promise<number> {
    return (await this.next(FrameType.DATA, Flag.END_STREAM)).streamId
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }
}

/** A server of raw frames: does what it is told, right or wrong. */
export class FrameServer {
  readonly address: string
  readonly connections: FrameConnection[] = []
  readonly #server: Server
  readonly #settings: Buffer
  readonly #waiters: ((connection: FrameConnection) => void)[] = []
  #given = 0

  private constructor(server: Server, settings: Buffer) {
    this.#server = server
    this.#settings = settings
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (socket) => this.#accept(socket))
  }

  /** @param settings what each connection begins with; nothing at all if empty */
  static async start(settings: Buffer = settingsFrame()): Promise<FrameServer> {
    const server = createServer({ allowHalfOpen: false })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new FrameServer(server, settings)
  }

  /** The connections in the order in which they come. */
  async nextConnection(): Promise<FrameConnection> {
    const connection = this.connections[this.#given++]
    if (connection !== undefined) return connection
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    await once(this.#server.close(), 'close')
  }

  #accept(socket: Socket): void {
    const connection = new FrameConnection(socket)
    this.connections.push(connection)
    if (this.#settings.length > 0) connection.send(this.#settings)
    this.#waiters.shift()?.(connection)
  }
}
