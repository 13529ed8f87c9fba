import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoreMemory } from '../../src/shared/messages.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import { MovingStore } from '../../src/worker/moving-store.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import { StoreWriter } from '../../src/worker/store-writer.js'
import { Prng, seedOf } from '../support/prng.js'
import { StoreFixture } from '../support/store-fixture.js'

function memoryOf(budgetBytes: number): StoreMemory {
  return { store: allocateStore(budgetBytes), accessLog: AccessLog.allocate() }
}

/** A store that can move, with a reader for every memory that it ever had. */
class MovingFixture {
  readonly base = new StoreFixture(2048)
  readonly opened: StoreWriter[] = []
  readonly leftBehind = { count: 0 }
  readonly store: MovingStore

  constructor(memory: StoreMemory) {
    this.store = new MovingStore({
      memory,
      open: (at) => {
        const writer = new StoreWriter(at.store, {
          epochs: this.base.epochs,
          accessLog: new AccessLog(at.accessLog),
          threadCount: () => 1,
          seed: { k0: 0x1234567, k1: 0x89abcde },
          clock: this.base.clock,
          policy: POLICIES.lru,
          staleMs: 60_000,
          events: { onEvict() {}, onExpire() {}, onHit() {} },
        })
        this.opened.push(writer)
        return writer
      },
      hashOf: (key) => this.base.hash(key),
      onLeftBehind: () => this.leftBehind.count++,
    })
  }

  put(key: string, value: string, ttlMs = Number.POSITIVE_INFINITY, renewable = false): void {
    const bytes = Buffer.from(key)
    const hash = this.base.hash(bytes)
    const put = { key: bytes, hash, value: Buffer.from(value), notFound: false, ttlMs, renewable }
    assert.equal(this.store.put(put), 'stored')
  }

  remove(key: string): boolean {
    return this.store.remove(Buffer.from(key), this.base.hash(Buffer.from(key)))
  }

  get(key: string): string | undefined {
    const found = this.store.get(Buffer.from(key), this.base.hash(Buffer.from(key)))
    return found && Buffer.from(found.value).toString()
  }

  /** What a reader of that memory sees. */
  read({ store, accessLog }: StoreMemory, key: string): string | undefined {
    const bytes = Buffer.from(key)
    const reader = new StoreReader(store, new AccessLog(accessLog), 0, this.base.clock)
    this.base.epochs.pin(0)
    const place = reader.find(bytes, 0, bytes.length, this.base.hash(bytes))
    const value = place === 0 ? undefined : Buffer.from(reader.value(place)).toString()
    this.base.epochs.unpin(0)
    return value
  }
}

describe('MovingStore', () => {
  it('takes its entries along, with their times, and keeps both memories until it settles', async () => {
    const [from, to] = [memoryOf(1 << 20), memoryOf(1 << 21)]
    const fixture = new MovingFixture(from)
    for (let i = 0; i < 3000; i++) fixture.put(`key${i}`, `value${i}`, i % 2 ? 60_000 : undefined)
    fixture.base.clock.advance(10_000)
    await fixture.store.moveTo(to)
    for (const memory of [from, to]) assert.equal(fixture.read(memory, 'key1'), 'value1')
    const key = Buffer.from('key1')
    const { resident } = fixture.store.inspect(key, fixture.base.hash(key)) ?? {}
    assert.deepEqual([resident?.ttlLeftMs, resident?.ageMs], [50_000, 10_000])
    fixture.store.settle(true)
    assert.equal(fixture.store.current.count, 3000)
    assert.equal(fixture.store.current.budgetBytes, 1 << 21)
    fixture.store.current.check()
    fixture.base.clock.advance(50_000)
    assert.deepEqual([fixture.get('key1'), fixture.get('key2')], [undefined, 'value2'])
  })

  it('takes stale entries along, and those that may be refreshed remain so', async () => {
    const fixture = new MovingFixture(memoryOf(1 << 20))
    fixture.put('kept', 'a', 10_000, true)
    fixture.put('gone', 'b', 10_000)
    fixture.base.clock.advance(30_000)
    await fixture.store.moveTo(memoryOf(1 << 20))
    fixture.store.settle(true)
    assert.equal(fixture.store.current.count, 1)
    const find = () => fixture.store.get(Buffer.from('kept'), fixture.base.hash(Buffer.from('kept')))
    assert.equal(find()?.ttlLeftMs, -20_000)
    fixture.base.clock.advance(40_000)
    assert.equal(find(), undefined)
  })

  it('changes its policy while entries are on the move, but not that of a store that is being left', async () => {
    const fixture = new MovingFixture(memoryOf(1 << 20))
    for (let i = 0; i < 3000; i++) fixture.put(`key${i}`, 'v')
    // The first change is under way when the move begins.
    fixture.store.setPolicy(POLICIES.sieve)
    fixture.put('one', 'v')
    const left = fixture.store.current
    const moving = fixture.store.moveTo(memoryOf(1 << 20))
    assert.throws(() => left.setPolicy(POLICIES.fifo), { code: 'UNAVAILABLE' })
    fixture.store.setPolicy(POLICIES.lfu)
    fixture.put('two', 'v')
    await moving
    left.check()
    fixture.store.settle(true)
    while (fixture.store.maintain(100) > 0) {}
    fixture.store.current.check()
    assert.equal(fixture.store.current.count, 3002)
  })

  it('works in steps: others have their turn in between', async () => {
    const fixture = new MovingFixture(memoryOf(1 << 20))
    for (let i = 0; i < 3000; i++) fixture.put(`key${i}`, 'v')
    let turns = 0
    let isMoving = true
    const count = (): void => {
      turns++
      if (isMoving) setImmediate(count)
    }
    count()
    await fixture.store.moveTo(memoryOf(1 << 20))
    isMoving = false
    assert.ok(turns > 3000 / 512, `only ${turns} turns`)
  })

  it('keeps what is worth most when there is less room, in its order', async () => {
    const fixture = new MovingFixture(memoryOf(1 << 20))
    for (let i = 0; i < 5000; i++) fixture.put(`key${i}`, 'x'.repeat(50))
    assert.equal(fixture.get('key0'), 'x'.repeat(50))
    await fixture.store.moveTo(memoryOf(1 << 16))
    fixture.store.settle(true)
    fixture.store.current.check()
    const { count } = fixture.store.current
    assert.ok(count > 400 && count < 1000, `${count} entries`)
    assert.ok(fixture.leftBehind.count > 3000, 'what cannot stay is not copied')
    assert.ok(fixture.get('key0'), 'it was read last')
    assert.ok(fixture.get('key4999') && fixture.get(`key${5000 - count + 10}`))
    assert.equal(fixture.get('key1'), undefined)
  })

  it('goes back to what it had, also in the middle', async () => {
    const from = memoryOf(1 << 20)
    const fixture = new MovingFixture(from)
    for (let i = 0; i < 3000; i++) fixture.put(`key${i}`, `value${i}`)
    const moving = assert.rejects(fixture.store.moveTo(memoryOf(1 << 20)), { code: 'CANCELLED' })
    await assert.rejects(fixture.store.moveTo(memoryOf(1 << 20)), { code: 'FAILED_PRECONDITION' })
    fixture.remove('key5')
    fixture.store.settle(false)
    await moving
    assert.equal(fixture.store.current.count, 2999)
    assert.equal(fixture.read(from, 'key2999'), 'value2999')
    fixture.put('new', 'value')
    for (let i = 0; i < 30_000; i++) fixture.put(`other${i}`, 'v')
    assert.equal(fixture.get('key1'), undefined, 'its policy gives up what is oldest')
    fixture.store.current.check()
    await fixture.store.moveTo(memoryOf(1 << 20))
    fixture.store.settle(true)
    fixture.store.settle(true)
    assert.equal(fixture.get('other29999'), 'v')
  })

  it('starts a sweep anew when slots changed under it', async () => {
    const fixture = new MovingFixture(memoryOf(1 << 20))
    for (let i = 0; i < 1000; i++) fixture.put(`key${i}`, 'v')
    assert.equal(
      fixture.store.sweep(1, 600, () => true),
      601,
    )
    const moved = fixture.store.moveTo(memoryOf(1 << 20))
    assert.equal(
      fixture.store.sweep(601, 600, () => false),
      601,
    )
    await moved
    fixture.store.settle(true)
    assert.equal(fixture.store.current.count, 1000)
    const next = fixture.store.sweep(601, 600, () => false)
    assert.equal(next, 601)
    assert.equal(
      fixture.store.sweep(next, 600, () => false),
      0,
    )
    assert.equal(fixture.store.current.count, 0)
  })

  it('never shows a wrong value in either memory, whatever happens on the way', async () => {
    const random = new Prng(seedOf())
    let memory = memoryOf(1 << 20)
    const fixture = new MovingFixture(memory)
    const truth = new Map<string, string>()
    const act = (step: number): void => {
      const key = `key${random.below(3000)}`
      const value = `value${step}.${random.below(1000)}`
      if (random.below(100) === 0) {
        fixture.store.clear()
        truth.clear()
      } else if (random.below(4) === 0) {
        assert.equal(fixture.remove(key), truth.delete(key))
      } else {
        fixture.put(key, value)
        truth.set(key, value)
      }
    }
    for (let step = 0; step < 3000; step++) act(step)
    for (let round = 0; round < 12; round++) {
      const next = memoryOf((1 << 20) + random.below(8) * 4096)
      let isMoving = true
      const moved = fixture.store.moveTo(next).then(
        () => true,
        () => false,
      )
      void moved.then(() => {
        isMoving = false
      })
      const givesUp = random.below(3) === 0
      for (let turn = 0; isMoving || turn < 20; turn++) {
        for (let i = 0; i < 20; i++) act(round * 1000 + turn)
        if (givesUp && turn === 2) {
          fixture.store.settle(false)
          // What came in meanwhile is lost, and nothing else.
          for (const key of truth.keys()) if (fixture.get(key) === undefined) truth.delete(key)
        }
        for (let i = 0; i < 50; i++) {
          const key = `key${random.below(3000)}`
          for (const side of [memory, next]) {
            const seen = fixture.read(side, key)
            // Memory that was given up shows what it last had; nobody reads there.
            if (givesUp && side === next) continue
            assert.ok(seen === undefined || seen === truth.get(key), `${key}: ${seen}, ${truth.get(key)}`)
          }
          assert.equal(fixture.get(key), truth.get(key))
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      fixture.store.settle(!givesUp)
      if (!givesUp) memory = next
      fixture.store.current.check()
      assert.equal(fixture.store.current.count, truth.size)
    }
  })

  it('leaves memory behind, when its owner dies on the way, that a new owner can use', async () => {
    const from = memoryOf(1 << 20)
    const fixture = new MovingFixture(from)
    for (let i = 0; i < 3000; i++) fixture.put(`key${i}`, `value${i}`)
    void fixture.store.moveTo(memoryOf(1 << 20)).catch(() => {})
    fixture.put('key1', 'newer')
    // Nobody tells the old owner anything any more.
    const next = new MovingFixture(from)
    next.store.current.check()
    assert.equal(next.get('key2999'), 'value2999')
    assert.equal(next.get('key1'), undefined)
    fixture.store.settle(false)
  })
})
