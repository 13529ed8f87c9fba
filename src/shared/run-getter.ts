import type { Cancel } from './cancel.js'
import { CacheError } from './errors.js'
import type { BatchGetter, BatchGetterContext, BatchGetterResult, Getter, GetterContext } from './getter.js'
import { decodeKey } from './key.js'
import { toLoaded } from './loaded.js'
import type { Failure, Loaded } from './messages.js'
import { type TraceParent, traced } from './tracing.js'

/** User code that gets values from the source: a key at a time, or many. */
export type AnyGetter = Getter | BatchGetter

/** What there is to know of one call of a getter. */
export interface GetterCall {
  /** Name of the group. */
  readonly group: string
  /** One, unless the getter takes many. */
  readonly keys: readonly Uint8Array[]
  readonly cancel: Cancel
  readonly deadlineMs: number
  readonly valueBytesMax: number
  /** Sampled traces that wait for any of the keys. Default: none. */
  readonly traces?: readonly TraceParent[]
}

/** True for a getter of many keys. */
export function takesMany(getter: AnyGetter): getter is BatchGetter {
  return typeof getter === 'object'
}

/**
 * Calls a getter. Resolves with an outcome for each key, in order; rejects with whatever user code throws. When a trace
 * waits for it, its span is active in the getter, so that what the getter calls in turn is part of the trace.
 */
export function runGetter(getter: AnyGetter, call: GetterCall): Promise<(Loaded | Failure)[]> {
  const [parent, ...links] = call.traces ?? []
  if (!parent) return run(getter, call)
  const attributes = { 'geekcache.group': call.group, 'geekcache.keys': call.keys.length }
  return traced(parent, { name: 'geekcache.load', attributes, links }, () => run(getter, call))
}

async function run(getter: AnyGetter, call: GetterCall): Promise<(Loaded | Failure)[]> {
  const { keys, valueBytesMax } = call
  if (!takesMany(getter)) {
    const result = await getter(decodeKey(keys[0]!), new CallContext(call))
    return [toLoaded(result, valueBytesMax)]
  }
  const texts = keys.map(decodeKey)
  const results = resultsOf(await getter.getMany(texts, new CallContext(call)), texts)
  return results.map((result) => outcomeOf(result, valueBytesMax))
}

/** What a getter is told of one call. Its AbortSignal is made when the getter looks at it. */
class CallContext implements GetterContext, BatchGetterContext {
  readonly group: string
  readonly keyBytes: Uint8Array
  readonly keysBytes: readonly Uint8Array[]
  readonly deadlineMs: number
  readonly #cancel: Cancel

  constructor({ group, keys, cancel, deadlineMs }: GetterCall) {
    this.group = group
    this.keyBytes = keys[0]!
    this.keysBytes = keys
    this.deadlineMs = deadlineMs
    this.#cancel = cancel
  }

  get signal(): AbortSignal {
    return this.#cancel.signal
  }
}

/** Getters are user code: anything may come. */
function resultsOf(answer: BatchGetterResult | undefined, keys: readonly string[]): readonly unknown[] {
  if (answer instanceof Map) return keys.map((key) => answer.get(key))
  if (Array.isArray(answer) && answer.length === keys.length) return Array.from(answer)
  const what = Array.isArray(answer) ? `${answer.length} results for ${keys.length} keys` : typeof answer
  throw new CacheError(
    'UNKNOWN',
    `The getter's getMany returned ${what}; it returns an array in the order of the keys, or a Map by key`,
  )
}

function outcomeOf(result: unknown, valueBytesMax: number): Loaded | Failure {
  try {
    if (result instanceof Error) throw result
    return toLoaded(result ?? null, valueBytesMax)
  } catch (thrown) {
    const { code, message } = CacheError.from(thrown)
    return { code, message }
  }
}
