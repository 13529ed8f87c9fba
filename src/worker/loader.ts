import type { Cancel, CancelSignal } from '../shared/cancel.js'
import { CacheError } from '../shared/errors.js'
import type { Failure, GetterSpec, GroupSpec, Loaded } from '../shared/messages.js'
import { type AnyGetter, runGetter, takesMany } from '../shared/run-getter.js'
import type { TraceParent } from '../shared/tracing.js'

/** What a load may take, and how it hears that nobody waits for it. */
export interface LoadLimits {
  readonly cancel: Cancel
  /** Aborted when nobody takes the outcome any more: later than `cancel`, which the getter may not heed. */
  readonly over: CancelSignal
  readonly deadlineMs: number
  /** Sampled traces that wait for any of the keys. */
  readonly traces?: readonly TraceParent[]
}

/** Gets keys from the source. */
export interface Loader {
  /** False when load() takes one key at a time. */
  readonly takesMany: boolean
  /** Resolves with an outcome for each key, in order; rejects with whatever user code throws: then all have failed. */
  load(keys: readonly Uint8Array[], limits: LoadLimits): Promise<readonly (Loaded | Failure)[]>
}

/** Calls a getter function that lives in another thread. */
export interface Callback {
  call(group: number, keys: readonly Uint8Array[], limits: LoadLimits): Promise<readonly (Loaded | Failure)[]>
}

/** @throws CacheError INVALID_ARGUMENT when the getter module cannot be loaded */
export async function createLoader(spec: GroupSpec, callback: Callback): Promise<Loader> {
  if (spec.getter.kind === 'function') {
    const { takesMany } = spec.getter
    return { takesMany, load: (keys, limits) => callback.call(spec.id, keys, limits) }
  }
  const getter = await importGetter(spec.getter)
  const { name: group, valueBytesMax } = spec
  return {
    takesMany: takesMany(getter),
    load: (keys, { cancel, deadlineMs, traces = [] }) =>
      runGetter(getter, { group, keys, valueBytesMax, cancel, deadlineMs, traces }),
  }
}

async function importGetter({ url, options }: Extract<GetterSpec, { kind: 'module' }>): Promise<AnyGetter> {
  try {
    const exports: Record<string, unknown> = await import(url)
    const { createGetter } = exports
    const getter =
      typeof createGetter === 'function'
        ? await createGetter(options)
        : typeof exports.getMany === 'function'
          ? exports
          : (exports.getter ?? exports.default)
    if (isGetter(getter)) return getter
  } catch (thrown) {
    const { message } = CacheError.from(thrown)
    throw new CacheError('INVALID_ARGUMENT', `The getter module ${url} cannot be loaded: ${message}`, {
      cause: thrown,
    })
  }
  throw new CacheError(
    'INVALID_ARGUMENT',
    `The getter module ${url} exports neither createGetter nor getMany, nor a getter as getter or default`,
  )
}

function isGetter(getter: unknown): getter is AnyGetter {
  if (typeof getter === 'function') return true
  return (
    typeof getter === 'object' &&
    getter !== null &&
    'getMany' in getter &&
    typeof getter.getMany === 'function'
  )
}
