import { connect as connectTcp, type Socket } from 'node:net'
import { type Clock, systemClock } from '../../../shared/clock.js'
import { Code } from '../../../shared/errors.js'
import type { CallOptions } from '../../call.js'
import { BufferPool } from '../../sockets/output-buffer.js'
import type { UnaryCaller, UnaryReply } from '../../unary-caller.js'
import { Deadlines } from './deadlines.js'
import { ReceiveBudget } from './download.js'
import { type ClientLimits, type GrpcClientOptions, resolveLimits } from './options.js'
import { type CallOwner, PendingCall } from './pending-call.js'
import { Subchannel, type SubchannelContext } from './subchannel.js'

/** A path and an authority that fit any header list. */
const PATH = /^\/[!-~]{1,1024}$/
const AUTHORITY = /^[!-~]{1,512}$/
const USER_AGENT = 'grpc-node-geek-cache'
const NOTHING = new Uint8Array(0)

/**
 * A gRPC client for unary calls to one server, over our own HTTP/2. All calls of one turn of the event loop go out in one
 * write. It connects with the first call, and stays connected until close(), which also lets the process end.
 */
export class GrpcClient implements UnaryCaller, CallOwner {
  readonly address: string
  private readonly limits: ClientLimits
  private readonly clock: Clock
  private readonly deadlines: Deadlines
  private readonly subchannels: Subchannel[] = []
  private openCalls = 0

  /**
   * @param address HOST:PORT
   * @throws RangeError of an option that makes no sense
   */
  constructor(address: string, options: GrpcClientOptions = {}) {
    this.address = address
    this.limits = resolveLimits(options)
    this.clock = options.clock ?? systemClock
    this.deadlines = new Deadlines(this.clock)
    const authority = options.authority ?? address
    if (!AUTHORITY.test(authority)) throw new RangeError(`authority is "${authority}"`)
    const context: SubchannelContext = {
      limits: this.limits,
      commons: { scheme: options.scheme ?? 'http', authority, userAgent: USER_AGENT },
      budget: new ReceiveBudget(this.limits.bufferedBytesMax),
      pool: options.pool ?? new BufferPool(),
      defer: (run) => process.nextTick(run),
      nowMs: () => this.clock.nowMs(),
      random: options.random ?? (() => Math.random()),
      connect: () => (options.connect ?? connectTo)(address),
      onFault: options.onFault ?? (() => {}),
    }
    for (let index = 0; index < this.limits.connections; index++)
      this.subchannels.push(new Subchannel(context))
  }

  get connected(): boolean {
    return this.subchannels.some(({ state }) => state === 'ready')
  }

  call(path: string, request: Uint8Array, options: CallOptions = {}): Promise<UnaryReply> {
    const { deadlineMs = Number.POSITIVE_INFINITY, signal } = options
    if (signal?.aborted) return ended(Code.CANCELLED, 'caller went away')
    if (!(deadlineMs > 0)) return ended(Code.DEADLINE_EXCEEDED, 'deadline exceeded before the call was made')
    if (!PATH.test(path)) return ended(Code.INVALID_ARGUMENT, `"${path}" is no path of a method`)
    const { sendBytesMax, callsMax } = this.limits
    if (request.length > sendBytesMax) {
      return ended(
        Code.RESOURCE_EXHAUSTED,
        `attempted to send message with a size larger than ${sendBytesMax}: ${request.length}`,
      )
    }
    if (this.openCalls >= callsMax)
      return ended(Code.RESOURCE_EXHAUSTED, `more than ${callsMax} calls at a time`)
    return new Promise((resolve) => {
      this.openCalls++
      const endless = deadlineMs === Number.POSITIVE_INFINITY
      const nowMs = endless ? 0 : this.clock.nowMs()
      const call = new PendingCall(
        this,
        path,
        request,
        nowMs + deadlineMs,
        signal,
        resolve,
        fieldsOf(options),
      )
      this.deadlines.add(call, nowMs)
      this.choose().submit(call)
    })
  }

  close(): void {
    for (const subchannel of this.subchannels) subchannel.close()
    this.deadlines.clear()
  }

  onSettled(call: PendingCall): void {
    this.openCalls--
    this.deadlines.remove(call)
  }

  /** The connection with the fewest calls among those that stand. */
  private choose(): Subchannel {
    let best = this.subchannels[0]!
    for (const subchannel of this.subchannels) {
      if (subchannel === best) continue
      const standing = subchannel.state === 'ready'
      if (best.state === 'ready' && !standing) subchannel.prepare()
      else if (standing && (best.state !== 'ready' || subchannel.load < best.load)) best = subchannel
    }
    return best
  }
}

/** What carries the trace of a call, if it has one. */
function fieldsOf({ trace }: CallOptions): readonly string[] | undefined {
  if (trace === undefined) return undefined
  const { traceparent, tracestate } = trace
  return ['traceparent', traceparent, ...(tracestate === undefined ? [] : ['tracestate', tracestate])]
}

function ended(status: number, message: string): Promise<UnaryReply> {
  return Promise.resolve({ status, message, body: NOTHING, trailers: [] })
}

/** @param address HOST:PORT or [IPV6]:PORT */
function connectTo(address: string): Socket {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address)
  if (match === null) throw new RangeError(`"${address}" is not HOST:PORT`)
  return connectTcp({ host: match[1] ?? match[2]!, port: Number(match[3]), noDelay: true })
}
