import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CacheError } from '../shared/errors.js'
import { STALE_MS_MAX, STORE_BYTES_MIN } from '../shared/limits.js'
import type { GetterSpec, GroupSpec } from '../shared/messages.js'
import { DEFAULT_POLICY, isPolicyName, POLICY_NAMES } from '../shared/policy-names.js'
import { type AnyGetter, takesMany } from '../shared/run-getter.js'
import type { HotCopiesOptions } from './hot-copies.js'
import type { GetterSource, GroupOptions } from './node-options.js'

const NAME_LENGTH_MAX = 255

/** Largest batch of a getter of many keys. */
export const BATCH_SIZE_MAX = 10_000

/** Most that copies of other nodes' values may take of a group, and longest life of one. */
export const HOT_COPIES_SHARE_MAX = 0.5
export const HOT_COPIES_TTL_MS_MAX = 60_000

/** What a group is without options. */
export const GROUP_DEFAULTS = {
  policy: DEFAULT_POLICY,
  ttlMs: Number.POSITIVE_INFINITY,
  ttlJitter: 0,
  notFoundTtlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  refreshAhead: 0,
  softTimeoutMs: Number.POSITIVE_INFINITY,
  loadTimeoutMs: 30_000,
  errorBackoffMs: 0,
  loadConcurrencyMax: Number.POSITIVE_INFINITY,
  loadQueueMax: 10_000,
  batchSizeMax: 256,
  hotCopiesShare: 1 / 8,
  hotCopiesTtlMs: 10_000,
} as const satisfies Partial<GroupOptions>

/** Options that are numbers, what they may be, and how that is said. */
const NUMBERS = [
  ['maxBytes', (bytes) => bytes >= STORE_BYTES_MIN, `at least ${STORE_BYTES_MIN}`],
  ['ttlMs', isOverZero, 'over 0'],
  ['ttlJitter', isShare, 'from 0 to 1'],
  ['notFoundTtlMs', (ms) => ms >= 0, '0 or more'],
  ['staleWhileRevalidateMs', isStaleTime, `from 0 to ${STALE_MS_MAX}`],
  ['staleIfErrorMs', isStaleTime, `from 0 to ${STALE_MS_MAX}`],
  ['refreshAhead', isShare, 'from 0 to 1'],
  ['softTimeoutMs', isOverZero, 'over 0'],
  ['loadTimeoutMs', isOverZero, 'over 0'],
  ['errorBackoffMs', (ms) => ms >= 0 && ms !== Number.POSITIVE_INFINITY, '0 or more'],
  ['loadConcurrencyMax', (count) => isCount(count, 1), 'a whole number from 1 on'],
  [
    'hotCopiesShare',
    (part) => part >= 0 && part <= HOT_COPIES_SHARE_MAX,
    `from 0 to ${HOT_COPIES_SHARE_MAX}`,
  ],
  [
    'hotCopiesTtlMs',
    (ms) => ms > 0 && ms <= HOT_COPIES_TTL_MS_MAX,
    `over 0, and at most ${HOT_COPIES_TTL_MS_MAX}`,
  ],
  ['loadQueueMax', (count) => isCount(count, 0), 'a whole number from 0 on'],
  [
    'batchSizeMax',
    (count) => Number.isInteger(count) && count >= 1 && count <= BATCH_SIZE_MAX,
    `a whole number from 1 to ${BATCH_SIZE_MAX}`,
  ],
] as const satisfies readonly (readonly [keyof GroupOptions, (value: number) => boolean, string])[]

/** @throws CacheError INVALID_ARGUMENT: which option is wrong, and what it may be */
export function validateGroup(name: string, options: GroupOptions): void {
  const fail = (message: string): never => {
    throw new CacheError('INVALID_ARGUMENT', `Group "${name}": ${message}`)
  }
  if (name.length === 0 || name.length > NAME_LENGTH_MAX)
    fail(`its name has 1 to ${NAME_LENGTH_MAX} characters`)
  for (const [option, isGood, expected] of NUMBERS) {
    const value = option === 'maxBytes' ? options.maxBytes : (options[option] ?? GROUP_DEFAULTS[option])
    if (!isGood(value)) fail(`${option} is ${value}, it must be ${expected}`)
  }
  const { policy, getter } = options
  if (policy !== undefined && !isPolicyName(policy)) {
    fail(`there is no policy "${policy}"; there are ${POLICY_NAMES.join(', ')}`)
  }
  if (getter === undefined || getter === null) fail('it has no getter')
  if (typeof getter !== 'object' || getter instanceof URL || getterFunctionOf(getter)) return
  if (!('module' in getter)) fail('its getter has neither getMany nor module')
  if ('options' in getter && !canCrossThreads(getter.options)) {
    fail('the options of its getter module cannot be handed to another thread')
  }
}

/** What the options of a group say to the owner of one of its shards; what bounds the node is split over the shards. */
export function groupSettings(
  options: GroupOptions,
  { shard, shardCount }: { shard: number; shardCount: number },
): Pick<GroupSpec, 'getter' | 'policy' | 'freshness' | 'loads'> {
  const settings = { ...GROUP_DEFAULTS, ...withoutUndefined(options) }
  const { policy, loadTimeoutMs, loadConcurrencyMax, loadQueueMax, batchSizeMax } = settings
  const { ttlMs, ttlJitter, notFoundTtlMs, staleWhileRevalidateMs, staleIfErrorMs } = settings
  const { refreshAhead, softTimeoutMs, errorBackoffMs } = settings
  return {
    getter: getterSpec(options.getter),
    policy,
    freshness: {
      ttlMs,
      ttlJitter,
      notFoundTtlMs,
      staleWhileRevalidateMs,
      staleIfErrorMs,
      refreshAhead,
      softTimeoutMs,
      errorBackoffMs,
    },
    loads: {
      timeoutMs: loadTimeoutMs,
      concurrencyMax: partOf(loadConcurrencyMax, shard, shardCount),
      queueMax: loadQueueMax === 0 ? 0 : partOf(loadQueueMax, shard, shardCount),
      batchSizeMax,
    },
  }
}

/** What the options of a group say of copies of other nodes' values. */
export function hotCopiesOptions(options: GroupOptions): HotCopiesOptions {
  const { hotCopiesShare, hotCopiesTtlMs } = { ...GROUP_DEFAULTS, ...withoutUndefined(options) }
  return { share: hotCopiesShare, ttlMs: hotCopiesTtlMs, maxBytes: options.maxBytes }
}

/** The getter that runs in this thread; undefined for a module. */
export function getterFunctionOf(source: GetterSource): AnyGetter | undefined {
  if (typeof source === 'function') return source
  if (typeof source !== 'object' || !('getMany' in source)) return undefined
  return typeof source.getMany === 'function' ? source : undefined
}

function getterSpec(source: GetterSource): GetterSpec {
  const getter = getterFunctionOf(source)
  if (getter) return { kind: 'function', takesMany: takesMany(getter) }
  const { module, options } =
    typeof source === 'object' && 'module' in source
      ? source
      : { module: source as string | URL, options: undefined }
  return { kind: 'module', url: moduleUrl(module), options }
}

/** A path or URL of a module as a URL; the name of a package is left as it is. */
function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href
  return /^\.{0,2}\//.test(module) ? pathToFileURL(resolve(module)).href : module
}

/** The part of a whole number that falls to one of `count`; at least 1. */
function partOf(whole: number, index: number, count: number): number {
  if (whole === Number.POSITIVE_INFINITY) return whole
  return Math.max(1, Math.floor(whole / count) + (index < whole % count ? 1 : 0))
}

/** An option that is given as undefined is one that is not given. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function isOverZero(value: number): boolean {
  return value > 0
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1
}

function isStaleTime(ms: number): boolean {
  return ms >= 0 && ms <= STALE_MS_MAX
}

function isCount(value: number, min: number): boolean {
  return value >= min && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
}

function canCrossThreads(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
