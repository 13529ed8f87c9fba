import { Cancel, type CancelSignal } from '../shared/cancel.js'
import { Counter, type CounterRow } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { TIMER_MS_MAX } from '../shared/limits.js'
import { type Failure, isFailure, type LoadBounds, type Loaded } from '../shared/messages.js'
import type { TraceParent } from '../shared/tracing.js'
import { TransientSet } from '../shared/transient-set.js'
import type { Loader } from './loader.js'

/** One key on its way to the source. */
export interface LoadRequest {
  readonly key: Uint8Array
  /** Aborted when nobody waits for the key any more. */
  readonly signal: CancelSignal
  /** What the getter is told; the time that the getter may take bounds it. */
  readonly deadlineMs: number
  /** The sampled trace that waits for the key. */
  readonly trace?: TraceParent | undefined
}

/** A load until its end, of which only the first one counts. */
interface Load {
  readonly request: LoadRequest
  readonly resolve: (loaded: Loaded) => void
  readonly reject: (error: CacheError) => void
  startedMs: number
  isOver: boolean
  /** Tells the call that it is part of that nobody waits for it any more. */
  onGone: (() => void) | undefined
}

/**
 * The way to the source for the loads of one store: as many calls at a time as it may bear, the others in a queue of
 * bounded length. A getter of many keys gets all that wait, up to its batch size: those of one turn of the event loop
 * together, and more when it is slower than they come.
 *
 * A load whose waiters have gone leaves the queue and never starts. A call that nobody waits for any more keeps its place
 * until it ends, or until its time is up: getters may not heed their signal, and the source is to see no more calls than
 * it was promised.
 */
export class LoadQueue {
  readonly #loader: Loader
  readonly #bounds: LoadBounds
  readonly #counters: CounterRow
  readonly #waiting = new TransientSet<Load>()
  #calls = 0
  #isScheduled = false

  constructor(loader: Loader, bounds: LoadBounds, counters: CounterRow) {
    this.#loader = loader
    this.#bounds = bounds
    this.#counters = counters
  }

  /** @throws CacheError RESOURCE_EXHAUSTED when load() must not be called: too many wait already */
  assertRoom(): void {
    if (this.#waiting.size < this.#waitingMax) return
    this.#counters.add(Counter.loads_rejected)
    throw new CacheError('RESOURCE_EXHAUSTED', 'Too many loads wait for the source')
  }

  /**
   * Loads one key. Rejects with what the getter threw, with DEADLINE_EXCEEDED when it takes too long, with the reason of
   * the signal when that is aborted.
   */
  load(request: LoadRequest): Promise<Loaded> {
    if (request.signal.aborted) return Promise.reject(CacheError.from(request.signal.reason, 'CANCELLED'))
    return new Promise((resolve, reject) => {
      const load: Load = { request, resolve, reject, startedMs: 0, isOver: false, onGone: undefined }
      request.signal.addEventListener('abort', () => this.#abandon(load))
      this.#waiting.add(load)
      if (this.#loader.takesMany) this.#schedule()
      else this.#start()
    })
  }

  /** Nobody waits for it any more. */
  #abandon(load: Load): void {
    if (this.#waiting.delete(load)) this.#count()
    load.onGone?.()
    if (load.isOver) return
    load.isOver = true
    load.reject(CacheError.from(load.request.signal.reason, 'CANCELLED'))
  }

  /** Keys that one call takes. */
  get #sizeMax(): number {
    return this.#loader.takesMany ? this.#bounds.batchSizeMax : 1
  }

  /** The length of the queue, and what the calls take that can begin at the end of this turn. */
  get #waitingMax(): number {
    return this.#bounds.queueMax + (this.#bounds.concurrencyMax - this.#calls) * this.#sizeMax
  }

  /** Starts calls at the end of this turn, when all keys that are wanted in it have come. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#start()
    })
  }

  #start(): void {
    while (this.#waiting.size > 0 && this.#calls < this.#bounds.concurrencyMax) {
      this.#call(this.#waiting.take(this.#sizeMax))
    }
    this.#count()
  }

  /** Calls the getter. The call ends with its answer, or when its time is up; only the first of the two counts. */
  #call(loads: readonly Load[]): void {
    this.#calls++
    this.#counters.add(Counter.loads, loads.length)
    if (this.#loader.takesMany) this.#counters.add(Counter.load_batches)
    const timeoutMs = Math.min(this.#bounds.timeoutMs, TIMER_MS_MAX)
    const cancel = new Cancel()
    const over = new Cancel()
    const timer = setTimeout(() => {
      const error = new CacheError('DEADLINE_EXCEEDED', `The load took longer than ${timeoutMs} ms`)
      this.#endCall(loads, error)
      cancel.abort(error)
      over.abort(error)
    }, timeoutMs)
    const end = (outcomes: readonly (Loaded | Failure)[] | CacheError): void => {
      if (over.aborted) return
      clearTimeout(timer)
      this.#endCall(loads, outcomes)
    }
    const startedMs = performance.now()
    for (const load of loads) load.startedMs = startedMs
    whenAllGone(loads, (reason) => cancel.abort(reason))
    const keys = loads.map(({ request }) => request.key)
    this.#loader
      .load(keys, { cancel, over, deadlineMs: deadlineOf(loads, timeoutMs), ...tracesOf(loads) })
      .then(end, (thrown: unknown) => end(CacheError.from(thrown)))
  }

  #endCall(loads: readonly Load[], outcomes: readonly (Loaded | Failure)[] | CacheError): void {
    for (let index = 0; index < loads.length; index++) {
      const load = loads[index]!
      load.onGone = undefined
      this.#settle(load, outcomes instanceof CacheError ? outcomes : outcomes[index]!)
    }
    this.#calls--
    this.#start()
  }

  #settle(load: Load, outcome: Loaded | Failure | CacheError): void {
    const failed = outcome instanceof CacheError || isFailure(outcome)
    this.#counters.addLoad(performance.now() - load.startedMs)
    if (failed) this.#counters.add(Counter.load_errors)
    else if (outcome.value === null) this.#counters.add(Counter.not_found)
    if (load.isOver) return
    load.isOver = true
    if (!failed) load.resolve(outcome)
    else load.reject(outcome instanceof CacheError ? outcome : new CacheError(outcome.code, outcome.message))
  }

  #count(): void {
    this.#counters.set(Counter.loads_queued, this.#waiting.size)
    this.#counters.set(Counter.source_calls, this.#calls)
  }
}

/** What the getter is told: the longest time that one of the waiters has, and the call may take. */
function deadlineOf(loads: readonly Load[], timeoutMs: number): number {
  const longestMs = loads.reduce((ms, { request }) => Math.max(ms, request.deadlineMs), 0)
  return Math.min(timeoutMs, longestMs)
}

function tracesOf(loads: readonly Load[]): { traces?: TraceParent[] } {
  if (loads.every(({ request }) => request.trace === undefined)) return {}
  return { traces: loads.flatMap(({ request }) => request.trace ?? []) }
}

/** Calls back once nobody waits for any of the loads. */
function whenAllGone(loads: readonly Load[], tell: (reason: unknown) => void): void {
  let left = loads.length
  const leave = (): void => {
    if (--left === 0) tell(loads[0]!.request.signal.reason)
  }
  for (const load of loads) load.onGone = leave
}
