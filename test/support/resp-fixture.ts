import type { Answer } from '../../src/main/call.js'
import type { Invalidated, Invalidations } from '../../src/main/invalidations.js'
import type { KeyExplanation, NodeView } from '../../src/main/node-view.js'
import type { RespGroup } from '../../src/main/resp/key-space.js'
import { DEFAULT_LIMITS, type RespLimits } from '../../src/main/resp/limits.js'
import { RespServer } from '../../src/main/resp/server.js'
import { systemClock } from '../../src/shared/clock.js'
import { CacheError } from '../../src/shared/errors.js'
import { NodeCounters } from '../../src/shared/node-counters.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { ReaderPin } from '../../src/shared/store/reader-pin.js'

/** A group whose loads wait until the test lets them go. */
export class GatedGroup implements RespGroup {
  readonly name = 'g'
  readonly isClosed = false
  readonly foundIsCopy = false
  /** In memory. */
  readonly memory = new Map<string, Buffer>()
  ttlLeftMs = Number.POSITIVE_INFINITY
  readonly removed: string[] = []
  readonly #waiting = new Map<string, { resolve(answer: Answer): void; reject(error: Error): void }>()
  #found: Buffer = Buffer.alloc(0)

  find(bytes: Uint8Array, start: number, end: number): number {
    const value = this.memory.get(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
    if (value === undefined) return -1
    this.#found = value
    return value.length
  }

  copyFound(target: Uint8Array, at: number): void {
    target.set(this.#found, at)
  }

  foundTtlLeftMs(): number {
    return this.ttlLeftMs
  }

  fetch(key: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(Buffer.from(key).toString('latin1'), { resolve, reject })
    })
  }

  async fetchMany(keys: readonly Uint8Array[]): Promise<(Answer | CacheError)[]> {
    return Promise.all(keys.map((key) => this.fetch(key).catch((thrown: CacheError) => thrown)))
  }

  async remove(key: Uint8Array): Promise<void> {
    this.removed.push(Buffer.from(key).toString('latin1'))
    this.memory.delete(Buffer.from(key).toString('latin1'))
  }

  get waiting(): string[] {
    return [...this.#waiting.keys()]
  }

  /** Ends a load. */
  load(key: string, value: string, outcome: Answer['outcome'] = 'hit'): void {
    const answer = { value: Buffer.from(value), outcome, answeredBy: 'here', ttlLeftMs: this.ttlLeftMs }
    this.#take(key).resolve(answer)
  }

  fail(key: string, error = new CacheError('NOT_FOUND', 'The source has no such key')): void {
    this.#take(key).reject(error)
  }

  #take(key: string) {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) throw new Error(`Nobody waits for ${key}`)
    this.#waiting.delete(key)
    return waiting
  }
}

/** Invalidations that a test makes. */
export class ToldInvalidations implements Invalidations {
  readonly uncovered = new Set<string>()
  readonly #listeners = new Map<string, Set<(keys: Invalidated) => void>>()

  watch(group: string, listener: (keys: Invalidated) => void): () => void {
    const listeners = this.#listeners.get(group) ?? new Set()
    this.#listeners.set(group, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  covers(_group: string, key: Uint8Array): boolean {
    return !this.uncovered.has(Buffer.from(key).toString('latin1'))
  }

  tell(group: string, keys: readonly string[] | 'all'): void {
    const told = keys === 'all' ? keys : keys.map((key) => Buffer.from(key, 'latin1'))
    for (const listener of this.#listeners.get(group) ?? []) listener(told)
  }

  get watchCount(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0)
  }
}

/** A server over one gated group. */
export class RespFixture {
  readonly group = new GatedGroup()
  readonly invalidations = new ToldInvalidations()
  readonly server: RespServer
  /** What the server counts in. */
  readonly row = new NodeCounters().row(0, 'main')
  readonly warnings: object[] = []
  readonly faults: object[] = []
  /** What explain() says of keys that were loaded. */
  isKept = true
  address = ''

  constructor(limits: Partial<RespLimits> = {}, password?: string) {
    const { group, warnings, faults } = this
    const epochs = new Epochs()
    epochs.admit(0)
    this.server = new RespServer({
      groups: [group],
      node: this.#view(),
      invalidations: this.invalidations,
      counters: this.row,
      pin: new ReaderPin(epochs, 0, systemClock),
      limits: { ...DEFAULT_LIMITS, ...limits },
      tls: undefined,
      password,
      defaultGroup: 'g',
      deadlineMs: 10_000,
      version: '0.0.0',
      log: {
        debug() {},
        info() {},
        warn: (fields) => warnings.push(fields),
        error: (fields) => faults.push(fields),
      },
    })
  }

  static async start(limits: Partial<RespLimits> = {}, password?: string): Promise<RespFixture> {
    const fixture = new RespFixture(limits, password)
    fixture.address = `127.0.0.1:${await fixture.server.listen('127.0.0.1', 0)}`
    return fixture
  }

  close(): Promise<void> {
    return this.server.shutdown(1000)
  }

  #view(): NodeView {
    const explain = async (): Promise<KeyExplanation> => ({
      owner: 'here',
      isOwned: true,
      shard: 0,
      present: this.isKept,
      notFound: false,
      valueBytes: 3,
      costBytes: 40,
      hits: 2,
    })
    return {
      self: '127.0.0.1:1',
      counters: () => [{ name: 'entries', group: 'g', shard: 0, value: this.group.memory.size }],
      members: () => [],
      owners: () => [],
      peers: () => [],
      find: () => ({ explain, hotKeys: async () => [] }),
    }
  }
}
