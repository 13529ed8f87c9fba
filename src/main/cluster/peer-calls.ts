import { Code } from '../../shared/errors.js'
import { LATENCY_BUCKETS, latencyBucketOf } from '../../shared/latency-buckets.js'
import { histogramSamples, type NodeSample } from '../../shared/node-counters.js'
import type { CallOptions } from '../call.js'
import type { PeerSample } from '../node-view.js'
import type { UnaryCaller, UnaryReply } from '../unary-caller.js'

/** Peers with samples of their own; those of all others are summed up under the name `others`. */
const PEERS_TOLD_MAX = 64

/** Part of the moving average of the latency that the last call makes up. */
const LATEST_SHARE = 1 / 16

/** Statuses that are a peer's answer, or the end of a call that nobody waits for; the others say that there was none. */
const ANSWERS: ReadonlySet<number> = new Set([
  0,
  Code.CANCELLED,
  Code.UNKNOWN,
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.RESOURCE_EXHAUSTED,
  Code.FAILED_PRECONDITION,
  Code.UNIMPLEMENTED,
])

/** What was counted of the calls to some peers. */
class CallCounts {
  calls = 0
  errors = 0
  sumUs = 0
  /** Moving average; undefined before the first call. */
  latencyUs: number | undefined
  readonly counts = new Array<number>(LATENCY_BUCKETS).fill(0)

  record(status: number, durationUs: number): void {
    this.calls++
    if (!ANSWERS.has(status)) this.errors++
    this.sumUs += durationUs
    this.counts[latencyBucketOf(durationUs)]!++
    this.latencyUs =
      this.latencyUs === undefined
        ? durationUs
        : this.latencyUs + (durationUs - this.latencyUs) * LATEST_SHARE
  }

  add(other: CallCounts): void {
    this.calls += other.calls
    this.errors += other.errors
    this.sumUs += other.sumUs
    for (const [bucket, count] of other.counts.entries()) this.counts[bucket]! += count
  }
}

/** A connection to a peer whose calls are counted while it is open. */
class CountedCaller implements UnaryCaller {
  readonly counts = new CallCounts()
  readonly #caller: UnaryCaller
  readonly #onClose: (caller: CountedCaller) => void

  constructor(caller: UnaryCaller, onClose: (caller: CountedCaller) => void) {
    this.#caller = caller
    this.#onClose = onClose
  }

  get address(): string {
    return this.#caller.address
  }

  get connected(): boolean {
    return this.#caller.connected
  }

  async call(path: string, request: Uint8Array, options: CallOptions): Promise<UnaryReply> {
    const startedMs = performance.now()
    const reply = await this.#caller.call(path, request, options)
    this.counts.record(reply.status, (performance.now() - startedMs) * 1000)
    return reply
  }

  close(): void {
    this.#onClose(this)
    this.#caller.close()
  }
}

/** Counts the calls of this node to its peers, for as long as they are members of the ring. */
export class PeerCalls {
  readonly #callers = new Set<CountedCaller>()

  /** The connection, counted from here on. */
  counted(caller: UnaryCaller): UnaryCaller {
    const counted = new CountedCaller(caller, () => this.#callers.delete(counted))
    this.#callers.add(counted)
    return counted
  }

  /** The peers by address. */
  peers(): PeerSample[] {
    return this.#sorted().map(({ address, connected, counts: { calls, errors, latencyUs } }) => ({
      address,
      state: connected ? 'connected' : 'disconnected',
      calls,
      errors,
      ...(latencyUs !== undefined && { latencyMs: latencyUs / 1000 }),
    }))
  }

  /** Samples of the metrics of peers. */
  samples(): NodeSample[] {
    const callers = this.#sorted()
    const told = callers
      .slice(0, PEERS_TOLD_MAX)
      .flatMap(({ address, connected, counts }) => [
        { name: 'peer_up', labels: { peer: address }, value: connected ? 1 : 0 },
        ...samplesOf(address, counts),
      ])
    const others = callers.slice(PEERS_TOLD_MAX)
    if (others.length === 0) return told
    const sum = new CallCounts()
    for (const { counts } of others) sum.add(counts)
    return [...told, ...samplesOf('others', sum)]
  }

  #sorted(): CountedCaller[] {
    return [...this.#callers].sort((a, b) => (a.address < b.address ? -1 : 1))
  }
}

function samplesOf(peer: string, counts: CallCounts): NodeSample[] {
  const labels = { peer }
  return [
    { name: 'peer_calls', labels, value: counts.calls },
    { name: 'peer_call_errors', labels, value: counts.errors },
    ...histogramSamples('peer_call_duration', labels, counts),
  ]
}
