import { Cancel, type CancelSignal } from '../shared/cancel.js'
import { Counter, type CounterRow } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { TIMER_MS_MAX } from '../shared/limits.js'
import { type Failure, isFailure, type LoadBounds, type Loaded } from '../shared/messages.js'
import type { TraceParent } from '../shared/tracing.js'
import type { Loader } from './loader.js'

/** One key on its way to the source. */
export interface LoadRequest {
  readonly key: Uint8Array
  /** Aborted when nobody waits for the key any more. */
  readonly signal: CancelSignal
  /** What the getter is told; the time that the getter may take bounds it. */
  readonly deadlineMs: number
  /** The sampled trace that waits for the key. */
  readonly trace?: TraceParent
}

interface Load extends LoadRequest {
  startedMs: number
  isOver: boolean
  resolve(loaded: Loaded): void
  reject(error: CacheError): void
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
  readonly #waiting = new Set<Load>()
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
      const load: Load = { ...request, startedMs: 0, isOver: false, resolve, reject }
      const abandon = (): void => {
        this.#waiting.delete(load)
        this.#count()
        end(load, () => reject(CacheError.from(request.signal.reason, 'CANCELLED')))
      }
      request.signal.addEventListener('abort', abandon)
      this.#waiting.add(load)
      if (this.#loader.takesMany) this.#schedule()
      else this.#start()
    })
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
      const loads: Load[] = []
      for (const load of this.#waiting) {
        if (loads.length === this.#sizeMax) break
        this.#waiting.delete(load)
        loads.push(load)
      }
      void this.#call(loads)
    }
    this.#count()
  }

  async #call(loads: readonly Load[]): Promise<void> {
    this.#calls++
    this.#counters.add(Counter.loads, loads.length)
    if (this.#loader.takesMany) this.#counters.add(Counter.load_batches)
    const startedMs = performance.now()
    for (const load of loads) load.startedMs = startedMs
    try {
      const outcomes = await this.#run(loads)
      for (const [index, load] of loads.entries()) this.#settle(load, outcomes[index]!)
    } catch (thrown) {
      const error = CacheError.from(thrown)
      for (const load of loads) this.#settle(load, error)
    } finally {
      this.#calls--
      this.#start()
    }
  }

  /** Calls the getter and waits until it answers or its time is up. */
  #run(loads: readonly Load[]): Promise<readonly (Loaded | Failure)[]> {
    const timeoutMs = Math.min(this.#bounds.timeoutMs, TIMER_MS_MAX)
    const cancel = new Cancel()
    const over = new Cancel()
    const deadlineMs = Math.min(timeoutMs, Math.max(...loads.map((load) => load.deadlineMs)))
    const stopWatching = whenAllGone(loads, (reason) => cancel.abort(reason))
    const traces = loads.flatMap(({ trace }) => trace ?? [])
    return new Promise<readonly (Loaded | Failure)[]>((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = new CacheError('DEADLINE_EXCEEDED', `The load took longer than ${timeoutMs} ms`)
        reject(error)
        cancel.abort(error)
        over.abort(error)
      }, timeoutMs)
      this.#loader
        .load(
          loads.map(({ key }) => key),
          { cancel, over, deadlineMs, ...(traces.length > 0 && { traces }) },
        )
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    }).finally(stopWatching)
  }

  #settle(load: Load, outcome: Loaded | Failure | CacheError): void {
    const failed = outcome instanceof CacheError || isFailure(outcome)
    this.#counters.addLoad(performance.now() - load.startedMs)
    if (failed) this.#counters.add(Counter.load_errors)
    else if (outcome.value === null) this.#counters.add(Counter.not_found)
    end(load, () => {
      if (!failed) load.resolve(outcome)
      else
        load.reject(outcome instanceof CacheError ? outcome : new CacheError(outcome.code, outcome.message))
    })
  }

  #count(): void {
    this.#counters.set(Counter.loads_queued, this.#waiting.size)
    this.#counters.set(Counter.source_calls, this.#calls)
  }
}

/** Only the first end of a load counts. */
function end(load: Load, tell: () => void): void {
  if (load.isOver) return
  load.isOver = true
  tell()
}

/** Calls back once the signals of all loads are aborted. Returns how to stop watching. */
function whenAllGone(loads: readonly Load[], tell: (reason: unknown) => void): () => void {
  let left = loads.length
  const leave = (): void => {
    if (--left === 0) tell(loads[0]!.signal.reason)
  }
  for (const { signal } of loads) signal.addEventListener('abort', leave)
  return () => {
    for (const { signal } of loads) signal.removeEventListener('abort', leave)
  }
}
