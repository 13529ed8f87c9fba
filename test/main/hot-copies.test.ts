import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOT_ASKS, HotCopies } from '../../src/main/hot-copies.js'
import { CopyFence } from '../../src/shared/copy-fence.js'
import { Counter, GroupCounters } from '../../src/shared/counters.js'
import { GroupReader } from '../../src/shared/group-reader.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { ReaderPin } from '../../src/shared/store/reader-pin.js'
import { FakeClock } from '../support/fake-clock.js'

/** The copies of a group, whose owners cover all keys once they are watched; `kept` has what a shard was told to keep. */
class Copies {
  readonly clock = new FakeClock()
  readonly fence = new CopyFence()
  readonly counters = new GroupCounters(1)
  readonly kept: string[] = []
  readonly copies: HotCopies
  isCovered = true
  watches = 0

  constructor({ share = 0.5, ttlMs = 10_000 } = {}) {
    const [epochs, seed] = [new Epochs(), { k0: 1, k1: 2 }]
    epochs.admit(0)
    const stores = [{ store: allocateStore(1 << 16), accessLog: AccessLog.allocate() }]
    const memory = { counters: this.counters.memory, copyFence: this.fence.memory }
    const view = { id: 1, name: 'g', keyBytesMax: 100, staleMs: 0, stores, ...memory }
    this.copies = new HotCopies({
      name: 'g',
      share,
      ttlMs,
      maxBytes: 1 << 16,
      reader: new GroupReader(view, { pin: new ReaderPin(epochs, 0, this.clock), thread: 0, seed }),
      fence: this.fence,
      invalidations: {
        watch: () => {
          this.watches++
          return () => this.watches--
        },
        covers: () => this.watches > 0 && this.isCovered,
        tell: () => {},
      },
      clock: this.clock,
      keep: ({ key, ttlMs: keptMs }) => this.kept.push(`${Buffer.from(key)} for ${keptMs}`),
    })
  }

  /** Asks so often, and fetches each time; `meanwhile` happens before the owner answers. */
  ask(
    name: string,
    times: number,
    { ttlLeftMs = Number.POSITIVE_INFINITY, lengthBytes = 10, meanwhile = () => {} } = {},
  ) {
    const key = Buffer.from(name)
    for (let i = 0; i < times; i++) {
      this.copies.note(key)
      const stamp = this.copies.begin(key)
      meanwhile()
      const value = new Uint8Array(lengthBytes)
      this.copies.keep(key, stamp, { value, outcome: 'hit', answeredBy: 'owner', ttlLeftMs })
    }
    return this.kept
  }

  get bytes(): number {
    return this.counters.read(0)[Counter.hot_bytes]!
  }
}

test('a key is kept once it is hot, and from then on its owners are asked to tell of changes', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  assert.deepEqual(held.ask('k', HOT_ASKS - 1), [])
  assert.equal(held.watches, 0)
  assert.deepEqual(held.ask('k', 1), ['k for 10000'])
  assert.equal(held.watches, 1)
  assert.deepEqual(held.ask('other', HOT_ASKS - 1), ['k for 10000'])
})

test('what is asked for slowly is never hot', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  for (let i = 0; i < 100; i++) {
    held.ask('k', 4)
    held.clock.advance(1000)
  }
  assert.deepEqual(held.kept, [])
})

test('a copy lives no longer than its owner says, and what is good no more is not kept', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  assert.deepEqual(held.ask('gone', 50, { ttlLeftMs: 0 }), [])
  assert.deepEqual(held.ask('short', 50, { ttlLeftMs: 300 }), ['short for 300'])
})

test('nothing is kept that is not covered, or that was told of while it was fetched', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  held.ask('first', HOT_ASKS)
  const told = () => held.copies.dropAll()
  held.isCovered = false
  assert.equal(held.ask('k', 50).length, 1)
  held.isCovered = true
  const lose = () => {
    held.isCovered = false
  }
  assert.equal(held.ask('k', 1, { meanwhile: lose }).length, 1)
  held.isCovered = true
  assert.equal(held.ask('k', 1, { meanwhile: told }).length, 1)
  assert.equal(held.ask('k', 1).length, 2)
})

test('what is told of a key makes its copy worthless, and the key is kept again a second later', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  held.ask('k', HOT_ASKS)
  const key = Buffer.from('k')
  const before = held.copies.begin(key)
  held.copies.drop(Buffer.from('another'))
  assert.equal(held.copies.begin(key), before)
  held.copies.drop(key)
  assert.notEqual(held.copies.begin(key), before)
  assert.equal(held.ask('k', 50).length, 1)
  held.clock.advance(1000)
  assert.equal(held.ask('k', 50).length, 2)
})

test('copies take no more than their share, until their time is over', (t) => {
  const held = new Copies({ share: 1 / 16 })
  t.after(() => held.copies.close())
  for (let i = 0; i < 10; i++) held.ask(`k${i}`, HOT_ASKS, { lengthBytes: 1000 })
  assert.equal(held.kept.length, 3)
  assert.ok(held.bytes > 3000 && held.bytes <= 4096, `${held.bytes} bytes`)
  assert.equal(held.ask('large', 50, { lengthBytes: 5000 }).length, 3)
  held.clock.advance(10_000)
  held.copies.maintain()
  assert.equal(held.bytes, 0)
  held.ask('k9', 50, { lengthBytes: 1000 })
  assert.equal(held.kept.length, 4)
  held.copies.resize(1 << 12)
  held.clock.advance(10_000)
  held.ask('k9', 50, { lengthBytes: 1000 })
  assert.equal(held.kept.length, 4)
})

test('when nothing was kept for a minute, nobody is asked to tell of keys any more', (t) => {
  const held = new Copies()
  t.after(() => held.copies.close())
  held.ask('k', HOT_ASKS)
  held.clock.advance(59_000)
  held.copies.maintain()
  assert.equal(held.watches, 1)
  held.clock.advance(1000)
  held.copies.maintain()
  assert.equal(held.watches, 0)
  assert.equal(held.ask('k', HOT_ASKS).length, 2)
})

test('a share of 0 keeps nothing and watches nothing', () => {
  const held = new Copies({ share: 0 })
  assert.deepEqual(held.ask('k', 100), [])
  assert.equal(held.watches, 0)
})
