import { CacheError } from './errors.js'
import { LATENCY_BUCKETS, latencyBucketOf } from './latency-buckets.js'
import {
  DROP_CAUSES,
  type DropCause,
  type FrontName,
  OUTCOME_OF_CODE,
  OUTCOMES,
  RequestOutcome,
  wordOf,
} from './node-metrics.js'

/** Of so many requests one is timed where they are sampled: a power of two. */
const SAMPLED_OF = 16

/** What there is to know of an answer to count it. */
export interface CountedAnswer {
  readonly outcome: 'hit' | 'load' | 'coalesced' | 'stale' | 'hot'
  /** Address of the node that had or loaded the value. */
  readonly answeredBy: string
}

/**
 * What one thread counts of one protocol. A request is counted when it ends, with its outcome and the time that it took.
 * Hits are to be counted by the socket read that brought them, which costs two clock readings for all of them:
 *
 *     const startedMs = performance.now()   // before the first request of the read
 *     …                                     // answer them; count the hits in a variable
 *     if (hits > 0) metrics.record(RequestOutcome.hit, (performance.now() - startedMs) * 1000, hits)
 */
export class FrontMetrics {
  #sampled = 0
  readonly #words: Float64Array
  readonly #requests: number
  readonly #durations: number
  readonly #open: number
  readonly #opened: number
  readonly #refused: number
  readonly #dropped: number
  readonly #received: number
  readonly #sent: number
  readonly #errors: number

  /** Use {@link NodeCounterRow.front}. */
  constructor(words: Float64Array, at: number, front: FrontName) {
    this.#words = words
    this.#requests = at + wordOf('requests', front, OUTCOMES[0])
    this.#durations = at + wordOf('request_duration', front, OUTCOMES[0])
    this.#open = at + wordOf('connections_open', front)
    this.#opened = at + wordOf('connections', front)
    this.#refused = at + wordOf('connections_refused', front)
    this.#dropped = at + wordOf('connections_dropped', front, DROP_CAUSES[0])
    this.#received = at + wordOf('received', front)
    this.#sent = at + wordOf('sent', front)
    this.#errors = at + wordOf('protocol_errors', front)
  }

  /**
   * Counts requests that ended alike.
   *
   * @param outcome of {@link RequestOutcome}
   * @param durationUs that each of them took
   */
  record(outcome: number, durationUs: number, count = 1): void {
    this.#words[this.#requests + outcome]! += count
    this.#time(outcome, durationUs, count)
  }

  /**
   * Begins a request that is likely to be a hit, where requests come one at a time and two clock readings for each would be
   * too many: one in sixteen is timed and stands for the others. To be given to recordSampled().
   */
  sampleStart(): number {
    return (this.#sampled++ & (SAMPLED_OF - 1)) === 0 ? performance.now() : -1
  }

  /** Counts the request, whose time is known if sampleStart() chose it. */
  recordSampled(outcome: number, startedMs: number): void {
    this.#words[this.#requests + outcome]! += 1
    if (startedMs >= 0) this.#time(outcome, (performance.now() - startedMs) * 1000, SAMPLED_OF)
  }

  /** Counts requests without their time. */
  count(outcome: number, count = 1): void {
    this.#words[this.#requests + outcome]! += count
  }

  /** Counts a request that failed before anything was done for it. */
  countError({ code }: CacheError): void {
    this.count(RequestOutcome[OUTCOME_OF_CODE[code]])
  }

  /**
   * Counts a request that brought a value. A hot copy counts as a hit.
   *
   * @param self address of this node: other nodes' answers came from a peer
   */
  recordAnswer({ outcome, answeredBy }: CountedAnswer, self: string, durationUs: number): void {
    const found = outcome === 'hot' ? 'hit' : outcome
    this.record(RequestOutcome[answeredBy === self ? found : 'peer'], durationUs)
  }

  /** Counts a request when it ends, from now on. Settles as `answer` does. */
  async time<Answer extends CountedAnswer>(answer: Promise<Answer>, self: string): Promise<Answer> {
    const startedMs = performance.now()
    try {
      const result = await answer
      this.recordAnswer(result, self, (performance.now() - startedMs) * 1000)
      return result
    } catch (thrown) {
      this.recordError(thrown, (performance.now() - startedMs) * 1000)
      throw thrown
    }
  }

  /** Counts each key of a request for many that began at `startedMs` of this thread's `performance.now()`. */
  recordMany(answers: readonly (CountedAnswer | CacheError)[], self: string, startedMs: number): void {
    const durationUs = (performance.now() - startedMs) * 1000
    for (const answer of answers) {
      if (answer instanceof CacheError) this.recordError(answer, durationUs)
      else this.recordAnswer(answer, self, durationUs)
    }
  }

  /** Counts a request that failed with whatever was thrown. */
  recordError(thrown: unknown, durationUs: number): void {
    this.record(RequestOutcome[OUTCOME_OF_CODE[CacheError.from(thrown, 'INTERNAL').code]], durationUs)
  }

  connectionOpened(): void {
    this.#words[this.#open]! += 1
    this.#words[this.#opened]! += 1
  }

  connectionClosed(): void {
    this.#words[this.#open]! -= 1
  }

  /** A connection was turned away: there were too many. */
  connectionRefused(): void {
    this.#words[this.#refused]! += 1
  }

  /** A connection is closed for what its client takes of the node. */
  connectionDropped(cause: DropCause): void {
    this.#words[this.#dropped + DROP_CAUSES.indexOf(cause)]! += 1
  }

  received(lengthBytes: number): void {
    this.#words[this.#received]! += lengthBytes
  }

  sent(lengthBytes: number): void {
    this.#words[this.#sent]! += lengthBytes
  }

  /** A client broke the rules of the protocol. */
  protocolError(): void {
    this.#words[this.#errors]! += 1
  }

  #time(outcome: number, durationUs: number, count: number): void {
    const words = this.#words
    const first = this.#durations + outcome * (LATENCY_BUCKETS + 1)
    words[first + latencyBucketOf(durationUs)]! += count
    words[first + LATENCY_BUCKETS]! += durationUs * count
  }
}
