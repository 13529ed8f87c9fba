import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../src/shared/clock.js'
import { hashBytes } from '../../src/shared/hash.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { allocateStore, Header } from '../../src/shared/store/layout.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import { Prng } from './prng.js'
import { type ReaderReport, type TakenOver, TORTURE_HASH_SEED, type TortureSpec } from './torture-spec.js'
import { tortureKey, tortureVersion } from './torture-value.js'
import { until } from './until.js'

const OWNER = new URL('./torture-owner.js', import.meta.url)
const READER = new URL('./torture-reader.js', import.meta.url)

/** What the last owner writes before it has lived: on a busy machine its time alone may be too little for a race. */
const WRITES_MIN = 1001

/** Threads: this one reads too, the owner reads nothing, the others are readers. */
const MAIN = 0
const FIRST_READER = 2

export interface TortureOptions {
  readonly seed: number
  /** Owners that follow each other; all but the last are terminated. */
  readonly owners: number
  /** Longest life of an owner; the last one has all of it. */
  readonly ownerLifeMs: number
  readonly readerCount: number
  readonly budgetBytes: number
  readonly valueBytesMax: number
  readonly policy: string
}

export interface TortureReport {
  readonly reads: number
  readonly hits: number
  /** Values that were written. */
  readonly writes: number
  /** Owners that were terminated, and how many of them in the middle of a change. */
  readonly kills: number
  readonly torn: number
}

/**
 * One owner thread writes to a store, reader threads read from it, all as fast as they can; owners may be terminated
 * again and again. Rejects when any reader saw a value that it must not see, or an owner found the store in disorder.
 */
export async function tortureStore(options: TortureOptions): Promise<TortureReport> {
  const { seed, owners, ownerLifeMs, readerCount, valueBytesMax, policy } = options
  const random = new Prng(seed)
  const keyCount = 100
  const threadCount = FIRST_READER + readerCount
  const epochs = new Epochs()
  epochs.admit(threadCount - 1)
  const spec: TortureSpec = {
    seed,
    memory: allocateStore(options.budgetBytes),
    epochs: epochs.memory,
    accessLog: new AccessLog().memory,
    control: new SharedArrayBuffer((1 + keyCount) * 4),
    keyCount,
    valueBytesMax,
    policy,
    thread: 1,
    threadCount,
  }
  const control = new Int32Array(spec.control)
  const versions = control.subarray(1)
  const written = () => versions.reduce((sum, version) => sum + version)
  let failure: unknown
  const fail = (error: unknown): void => {
    failure ??= error
    Atomics.store(control, 0, 1)
  }
  const readers = Array.from({ length: readerCount }, (_, i) => {
    const worker = new Worker(READER, { workerData: { ...spec, thread: FIRST_READER + i } })
    worker.on('error', fail)
    return once(worker, 'message').then(([report]) => report as ReaderReport, fail)
  })
  const counts = { kills: 0, torn: 0 }
  for (let life = 1; life <= owners && failure === undefined; life++) {
    const lifeMs = life === owners ? ownerLifeMs : random.below(ownerLifeMs)
    const isTorn = new Int32Array(spec.memory)[Header.CHANGING] !== 0
    const found = isTorn ? 0 : countReadable(spec, epochs)
    const owner = new Worker(OWNER, { workerData: { ...spec, seed: seed + life } })
    owner.on('error', fail)
    const [{ count }] = (await once(owner, 'message')) as [TakenOver]
    if (isTorn) assert.equal(count, 0, 'a store that was left in the middle of a change starts empty')
    else assert.ok(count >= found, `${found} values could be read, the new owner has ${count}`)
    const diesAtMs = performance.now() + lifeMs
    const isOver = () => performance.now() >= diesAtMs && (life < owners || written() >= WRITES_MIN)
    await until('its life is over', isOver, lifeMs + 30_000)
    if (life < owners) {
      await owner.terminate()
      counts.kills++
      if (new Int32Array(spec.memory)[Header.CHANGING] !== 0) counts.torn++
    }
  }
  Atomics.store(control, 0, 1)
  const reports = await Promise.all(readers)
  if (failure !== undefined) throw failure
  const sum = (field: keyof ReaderReport): number =>
    reports.reduce((total, report) => total + (report ? report[field] : 0), 0)
  return { reads: sum('reads'), hits: sum('hits'), writes: written(), ...counts }
}

/** Values that this thread can read; every one of them must be whole. */
function countReadable(spec: TortureSpec, epochs: Epochs): number {
  const reader = new StoreReader(spec.memory, new AccessLog(spec.accessLog), MAIN, systemClock)
  let count = 0
  for (let key = 0; key < spec.keyCount; key++) {
    const bytes = tortureKey(key)
    epochs.pin(MAIN)
    const place = reader.find(bytes, 0, bytes.length, hashBytes(bytes, 0, bytes.length, TORTURE_HASH_SEED))
    if (place !== 0) {
      tortureVersion(key, Buffer.from(reader.value(place)))
      count++
    }
    epochs.unpin(MAIN)
  }
  return count
}
