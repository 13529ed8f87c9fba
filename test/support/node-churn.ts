import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Group } from '../../src/main/group.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { CounterName } from '../../src/shared/counters.js'
import { CacheError } from '../../src/shared/errors.js'
import { POLICY_NAMES } from '../../src/shared/policy-names.js'
import { ChurnCheck } from './churn-check.js'
import { type ChurnReaderReport, type ChurnSpec, CODES_ALLOWED, isUnknown } from './churn-spec.js'
import { counterOf } from './group-counters.js'
import { nextTurn } from './next-turn.js'
import { Prng } from './prng.js'
import { tortureKey } from './torture-value.js'
import { until } from './until.js'

const READER = new URL('../fixtures/churn-reader.js', import.meta.url)
const GETTER = new URL('../fixtures/churn-getter.js', import.meta.url)

const KEY_COUNT = 3000
const VALUE_BYTES_MAX = 6000
/** Of what a group may take: the values of all keys do not fit in any of it. */
const BUDGETS_BYTES = [512 << 10, 1 << 20, 3 << 20, 6 << 20]
const WORKER_COUNT = 2
const LOADS_AT_A_TIME = 32
const DELETES_AT_A_TIME = 8

/** Counters of the group that a report shows. */
const SHOWN = ['loads', 'evictions', 'expirations', 'refreshes', 'stale_served', 'shard_restarts'] as const

export interface NodeChurnOptions {
  readonly seed: number
  readonly durationMs: number
  readonly readerCount: number
  /** Called now and then. */
  readonly onProgress?: (report: NodeChurnReport) => void
}

/** What was done so far, by name. */
export type NodeChurnReport = Readonly<Record<string, number>>

/**
 * One node, as its users have it: attached threads read, loads run in worker threads, and meanwhile the group is resized,
 * cleared and given other policies, keys are deleted because the source has newer versions, and worker threads are
 * killed. Rejects at the first value that is torn, another key's, deleted, or not from the source; when a budget is
 * exceeded; or when the group does not agree with its source at the end.
 */
export async function churnNode(options: NodeChurnOptions): Promise<NodeChurnReport> {
  const { seed, readerCount } = options
  const words = () => new SharedArrayBuffer(4 * KEY_COUNT)
  const spec: ChurnSpec = {
    seed,
    control: new SharedArrayBuffer(4),
    versions: words(),
    floors: words(),
    keyCount: KEY_COUNT,
    valueBytesMax: VALUE_BYTES_MAX,
  }
  const node = await startNode({ self: '127.0.0.1:0', workers: WORKER_COUNT })
  try {
    const group = await node.group('churn', {
      maxBytes: BUDGETS_BYTES[1]!,
      getter: { module: GETTER, options: spec },
      staleWhileRevalidateMs: 30,
      refreshAhead: 0.2,
    })
    const churn = new NodeChurn(node, group, spec)
    const readers = startReaders(node, spec, readerCount)
    try {
      await Promise.race([readers.ready.then(() => churn.run(options)), readers.failed])
    } finally {
      Atomics.store(new Int32Array(spec.control), 0, 1)
    }
    const reports = await readers.reports
    await churn.audit()
    for (const report of reports) churn.add(report)
    return churn.report()
  } finally {
    await node.close()
  }
}

function startReaders(node: Node, spec: ChurnSpec, readerCount: number) {
  const workers = Array.from({ length: readerCount }, (_, index) => {
    const handle = node.handle()
    const workerData = { ...spec, seed: spec.seed + 1 + index, handle }
    return new Worker(READER, { workerData, transferList: [handle] })
  })
  // Of a thread that fails, once() rejects with its error.
  const ready = Promise.all(workers.map((worker) => once(worker, 'message'))).then(() => {})
  const reports = ready.then(() => Promise.all(workers.map(reportOf)))
  const failed = reports.then(() => {})
  failed.catch(() => {})
  return { ready, reports, failed }
}

async function reportOf(worker: Worker): Promise<ChurnReaderReport> {
  const [report] = await once(worker, 'message')
  return report as ChurnReaderReport
}

/** Churns one group of a node, from the main thread, and counts what it did. */
class NodeChurn {
  readonly #node: Node
  readonly #group: Group
  readonly #random: Prng
  readonly #check: ChurnCheck
  readonly #versions: Int32Array
  readonly #floors: Int32Array
  readonly #counts: Record<string, number> = {}
  #moving: Promise<void> = Promise.resolve()
  #isMoving = false

  constructor(node: Node, group: Group, spec: ChurnSpec) {
    this.#node = node
    this.#group = group
    this.#random = new Prng(spec.seed)
    this.#check = new ChurnCheck(spec)
    this.#versions = new Int32Array(spec.versions)
    this.#floors = new Int32Array(spec.floors)
  }

  async run({ durationMs, onProgress }: NodeChurnOptions): Promise<void> {
    const startedMs = performance.now()
    for (let progress = 1; performance.now() - startedMs < durationMs; ) {
      await this.#step()
      this.#checkBudget()
      if (performance.now() - startedMs < progress * 1000) continue
      progress++
      onProgress?.(this.report())
    }
    await this.#moving
  }

  report(): NodeChurnReport {
    const counters = SHOWN.map((name: CounterName) => [name, counterOf(this.#group, name)])
    return { ...this.#counts, ...Object.fromEntries(counters) }
  }

  add(counts: object): void {
    for (const [name, count] of Object.entries(counts)) this.#count(name, count)
  }

  /** With nobody at work any more: every key is what the source has, and entries and bytes are what is counted. */
  async audit(): Promise<void> {
    await until('the owners work', () =>
      this.#group.clear().then(
        () => true,
        () => false,
      ),
    )
    await this.#group.resize(2 * KEY_COUNT * VALUE_BYTES_MAX)
    this.#floors.set(this.#versions)
    for (let first = 0; first < KEY_COUNT; first += LOADS_AT_A_TIME) {
      const keys = Array.from({ length: Math.min(LOADS_AT_A_TIME, KEY_COUNT - first) }, (_, i) => first + i)
      const answered = await Promise.all(keys.map((key) => this.#get(key)))
      assert.ok(!answered.includes(false), `some of the keys from ${first} on cannot be loaded`)
    }
    await until('entries are what can be read, once all that expires has expired', () => {
      let count = 0
      for (let key = 0; key < KEY_COUNT; key++) if (this.#peek(key)) count++
      const forever = Array.from({ length: KEY_COUNT }, (_, key) => key).filter(
        (key) => key % 3 !== 0 && !isUnknown(key),
      )
      return count === forever.length && counterOf(this.#group, 'entries') === count
    })
    await this.#group.clear()
    assert.equal(counterOf(this.#group, 'entries'), 0)
  }

  async #step(): Promise<void> {
    const dice = this.#random.below(10_000)
    if (dice < 6000) await this.#load()
    else if (dice < 9200) await this.#replaceSome()
    else if (dice < 9400) await this.#setPolicy()
    else if (dice < 9600) await this.#resize()
    else if (dice < 9650) await this.#clear()
    else if (dice < 9680) this.#kill()
    else await nextTurn()
  }

  async #load(): Promise<void> {
    const keys = Array.from({ length: LOADS_AT_A_TIME }, () => this.#random.below(KEY_COUNT))
    const answered = await Promise.all(keys.map((key) => this.#get(key)))
    for (const key of keys) this.#peek(key)
    this.#count('gets', keys.length)
    this.#count('unavailable', answered.filter((isAnswered) => !isAnswered).length)
  }

  /** The source has something newer: after the delete nobody may see what there was before. */
  async #replace(key: number): Promise<void> {
    const version = Atomics.add(this.#versions, key, 1) + 1
    if (!(await this.#allowed(this.#group.delete(tortureKey(key))))) return
    // Two deletes of a key may end in either order.
    Atomics.store(this.#floors, key, Math.max(version, Atomics.load(this.#floors, key)))
    this.#peek(key)
    this.#count('deletes')
  }

  async #replaceSome(): Promise<void> {
    const keys = Array.from({ length: DELETES_AT_A_TIME }, () =>
      Math.min(this.#random.below(KEY_COUNT), this.#random.below(KEY_COUNT)),
    )
    await Promise.all(keys.map((key) => this.#replace(key)))
  }

  async #clear(): Promise<void> {
    const versions = this.#versions.map((_, key) => Atomics.add(this.#versions, key, 1) + 1)
    if (!(await this.#allowed(this.#group.clear()))) return
    for (const [key, version] of versions.entries()) Atomics.store(this.#floors, key, version)
    this.#count('clears')
  }

  async #setPolicy(): Promise<void> {
    const policy = POLICY_NAMES[this.#random.below(POLICY_NAMES.length)]!
    if (await this.#allowed(this.#group.setPolicy(policy))) this.#count('policies')
  }

  /** Goes on while other things are done: first of all deletes, from the memory that is left and the one that is filled. */
  async #resize(): Promise<void> {
    if (this.#isMoving) return
    this.#isMoving = true
    const maxBytes = BUDGETS_BYTES[this.#random.below(BUDGETS_BYTES.length)]!
    this.#moving = this.#allowed(this.#group.resize(maxBytes)).then((isDone) => {
      this.#isMoving = false
      if (isDone) this.#count('resizes')
    })
    // It is awaited at the end.
    this.#moving.catch(() => {})
    while (this.#isMoving) await this.#replaceSome()
  }

  #kill(): void {
    this.#node.killWorker(this.#random.below(WORKER_COUNT))
    this.#count('kills')
  }

  #checkBudget(): void {
    if (this.#isMoving) return
    const [bytes, maxBytes] = [counterOf(this.#group, 'bytes'), counterOf(this.#group, 'max_bytes')]
    if (!this.#isMoving) assert.ok(bytes <= maxBytes, `${bytes} bytes are in use, ${maxBytes} may be`)
  }

  #peek(key: number): boolean {
    return this.#check.peek(key, (bytes) => this.#group.peek(bytes))
  }

  #get(key: number): Promise<boolean> {
    return this.#check.get(key, (bytes) => this.#group.get(bytes))
  }

  /** False when the node could not do it, as it may be while a thread is replaced. */
  async #allowed(done: Promise<void>): Promise<boolean> {
    try {
      await done
      return true
    } catch (thrown) {
      if (!(thrown instanceof CacheError && CODES_ALLOWED.includes(thrown.code))) throw thrown
      this.#count('unavailable')
      return false
    }
  }

  #count(name: string, count = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + count
  }
}
