import { GrpcConnection } from '../../src/main/grpc/grpc-connection.js'
import { HeldPool } from '../../src/main/grpc/held-requests.js'
import { HELD_BODY_BYTES_MAX, HotPath } from '../../src/main/grpc/hot-path.js'
import type { HotHandler } from '../../src/main/grpc/hot-shapes.js'
import { CLIENT_PREFACE, Flag, FrameType } from '../../src/main/grpc/http2/frame.js'
import type { Leaver } from '../../src/main/grpc/http2/leaver.js'
import { TimeSlices } from '../../src/main/grpc/http2/time-slices.js'
import { type Handler, MethodTable, type MethodType } from '../../src/main/grpc/method.js'
import { type GrpcServerOptions, resolveOptions } from '../../src/main/grpc/options.js'
import { BufferPool } from '../../src/main/sockets/output-buffer.js'
import type { SocketUser, Transport } from '../../src/main/sockets/transport.js'
import { type Frame, frame, headerLists, parseFrames, settingsFrame } from './http2-frames.js'

/** Asks a client to prove that it has read what it was sent. */
const PROOF_PING = Buffer.from('read?\0\0\0', 'latin1')

/** One connection of a gRPC server without its socket: bytes go in and out by hand, and so does time. */
export class GrpcHarness implements Transport {
  readonly connection: GrpcConnection
  readonly methods = new MethodTable()
  readonly faults: unknown[] = []
  readonly budget = { taken: 0 }
  nowMs = 1000
  unsentBytes = 0
  paused = false
  ended = false
  destroyed = false
  closed = false
  reads = 0
  /** Shows that it reads what it is sent, in the next settle(). */
  answersPings = true
  /** The clock of the slices of time, which stands still by default: no read is cut. */
  sliceNowMs: () => number = () => 0
  private leaver: Leaver | undefined
  private user: SocketUser
  private readonly sent: Buffer[] = []
  private deferred: (() => void)[] = []
  private later: (() => void)[] = []

  constructor(options: GrpcServerOptions = {}, hot: Record<string, HotHandler> = {}) {
    const resolved = resolveOptions(options)
    const context = {
      options: resolved,
      methods: this.methods,
      budget: {
        take: (lengthBytes: number) => {
          if (this.budget.taken + lengthBytes > resolved.bufferedBytesMax) return false
          this.budget.taken += lengthBytes
          return true
        },
        give: (lengthBytes: number) => {
          this.budget.taken -= lengthBytes
        },
      },
      onReadStart: () => {
        this.reads++
      },
      onReadEnd: () => {},
      onFault: (error: unknown) => this.faults.push(error),
      onClosed: (_connection: GrpcConnection, leaver: Leaver | undefined) => {
        this.leaver = leaver
        if (leaver === undefined) this.closed = true
        else leaver.owner = { onGone: () => (this.closed = true) }
      },
    }
    const http2 = {
      limits: resolved,
      budget: context.budget,
      pool: new BufferPool(),
      defer: (run: () => void) => this.deferred.push(run),
      slices: new TimeSlices({
        nowMs: () => this.sliceNowMs(),
        nextTurn: (run: () => void) => this.later.push(run),
      }),
      nowMs: () => this.nowMs,
      random: () => 0.5,
      indexable: (name: string) => name === 'content-type' || name === 'grpc-status',
    }
    this.connection = new GrpcConnection(context, http2, this, { address: 'test:1', authContext: () => ({}) })
    this.user = this.connection.http2
    this.connection.http2.streams.fastPath = new HotPath(this.connection.http2, this.connection.admission, {
      methods: new Map(
        Object.entries(hot).map(([path, handler]) => [
          path,
          { handler, isOrdinary: (name: string) => name === 'x-ordinary' },
        ]),
      ),
      receiveBytesMax: resolved.receiveBytesMax,
      heldBody: Buffer.alloc(HELD_BODY_BYTES_MAX),
      heldPool: new HeldPool(),
      onFault: context.onFault,
    })
  }

  /** A method whose messages are bytes. */
  method(path: string, handler: Handler, type: MethodType = 'unary'): this {
    const same = (value: unknown) => value as Buffer
    this.methods.add({ path, handler, type, serialize: same, deserialize: same })
    return this
  }

  /** Preface and SETTINGS of the client. */
  start(...settings: readonly (readonly [number, number])[]): this {
    return this.receive(CLIENT_PREFACE, settingsFrame(...settings))
  }

  receive(...chunks: readonly Buffer[]): this {
    const read = Buffer.concat(chunks)
    this.user.receive(read)
    // The next connection is read into the same memory: nothing may be kept of it.
    read.fill(0xee)
    this.settle()
    return this
  }

  tick(elapsedMs: number): this {
    this.nowMs += elapsedMs
    if (this.leaver === undefined) this.connection.http2.tick()
    else this.leaver.tick(this.nowMs)
    this.settle()
    return this
  }

  /** The socket is gone. */
  lose(): void {
    this.user.onTransportClosed()
  }

  /** Runs what was put off to the end of the turn. */
  settle(): void {
    while (this.deferred.length > 0) for (const run of this.deferred.splice(0)) run()
  }

  /** The next turn of the event loop; false when nothing waits for one. */
  turn(): boolean {
    const turns = this.later.splice(0)
    for (const run of turns) run()
    this.settle()
    return turns.length > 0
  }

  /** All turns until nothing waits for one. */
  turns(): this {
    while (this.turn());
    return this
  }

  /** The connection was told that it is over. */
  get over(): boolean {
    return this.ended || this.frames(FrameType.GOAWAY).length > 0
  }

  /** Bytes of the longest write. */
  get largestSend(): number {
    return Math.max(...this.sent.map(({ length }) => length))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.sent)
  }

  frames(type?: number, streamId?: number): Frame[] {
    return parseFrames(this.bytes).filter(
      (frame) =>
        (type === undefined || frame.type === type) &&
        (streamId === undefined || frame.streamId === streamId),
    )
  }

  /** Header lists sent on a stream. */
  headers(streamId: number): Record<string, string>[] {
    return headerLists(this.frames()).get(streamId) ?? []
  }

  // As the connection's transport.

  send(bytes: Buffer, lengthBytes: number): void {
    const sent = Buffer.from(bytes.subarray(0, lengthBytes))
    this.sent.push(sent)
    const proof = sent.indexOf(PROOF_PING)
    if (proof === -1 || !this.answersPings) return
    const payload = sent.subarray(proof, proof + PROOF_PING.length)
    this.deferred.push(() => this.connection.http2.receive(frame(FrameType.PING, Flag.ACK, 0, payload)))
  }

  pauseReading(): void {
    this.paused = true
  }

  resumeReading(): void {
    this.paused = false
  }

  end(): void {
    this.ended = true
  }

  handOver(user: SocketUser): void {
    this.user = user
  }

  destroy(): void {
    this.destroyed = true
  }
}
