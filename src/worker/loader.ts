import type { Cancel } from '../shared/cancel.js'
import { CacheError } from '../shared/errors.js'
import type { Getter } from '../shared/getter.js'
import { decodeKey } from '../shared/key.js'
import { LoadContext } from '../shared/load-context.js'
import { toLoaded } from '../shared/loaded.js'
import type { GetterSpec, GroupSpec, Loaded } from '../shared/messages.js'

/** What a load may take, and how it hears that nobody waits for it. */
export interface LoadLimits {
  readonly cancel: Cancel
  readonly deadlineMs: number
}

/** Gets one key from the source. Rejects with whatever user code throws. */
export interface Loader {
  load(key: Uint8Array, limits: LoadLimits): Promise<Loaded>
}

/** Calls a getter function that lives in another thread. */
export interface Callback {
  call(group: number, key: Uint8Array, limits: LoadLimits): Promise<Loaded>
}

/** @throws CacheError INVALID_ARGUMENT when the getter module cannot be loaded */
export async function createLoader(spec: GroupSpec, callback: Callback): Promise<Loader> {
  if (spec.getter.kind === 'function') return { load: (key, limits) => callback.call(spec.id, key, limits) }
  return new ModuleLoader(await importGetter(spec.getter), spec)
}

/** A getter that runs in this thread. */
class ModuleLoader implements Loader {
  readonly #getter: Getter
  readonly #spec: GroupSpec

  constructor(getter: Getter, spec: GroupSpec) {
    this.#getter = getter
    this.#spec = spec
  }

  async load(key: Uint8Array, { cancel, deadlineMs }: LoadLimits): Promise<Loaded> {
    const context = new LoadContext(this.#spec.name, key, cancel, deadlineMs)
    return toLoaded(await this.#getter(decodeKey(key), context), this.#spec.valueBytesMax)
  }
}

async function importGetter({ url, options }: Extract<GetterSpec, { kind: 'module' }>): Promise<Getter> {
  try {
    const exports: Record<string, unknown> = await import(url)
    const { createGetter } = exports
    const getter =
      typeof createGetter === 'function' ? await createGetter(options) : (exports.getter ?? exports.default)
    if (typeof getter === 'function') return getter as Getter
  } catch (thrown) {
    const { message } = CacheError.from(thrown)
    throw new CacheError('INVALID_ARGUMENT', `The getter module ${url} cannot be loaded: ${message}`, {
      cause: thrown,
    })
  }
  throw new CacheError(
    'INVALID_ARGUMENT',
    `The getter module ${url} exports neither createGetter nor a function as getter or default`,
  )
}
