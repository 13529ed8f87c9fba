import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STORE_BYTES_MAX } from '../../src/shared/limits.js'
import { POLICY_NAMES } from '../../src/shared/policy-names.js'
import { Header } from '../../src/shared/store/layout.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import { Prng, seedOf } from '../support/prng.js'
import { StoreFixture } from '../support/store-fixture.js'

test('a stored value is what readers see, until it is replaced or removed', () => {
  const store = new StoreFixture(64 * 1024)
  assert.equal(store.text('Tom'), undefined)
  assert.equal(store.put('Tom', '630'), 'stored')
  assert.equal(store.text('Tom'), '630')
  store.put('Tom', '631')
  assert.equal(store.text('Tom'), '631')
  assert.equal(store.remove('Tom'), true)
  assert.equal(store.remove('Tom'), false)
  assert.equal(store.text('Tom'), undefined)
})

test('empty values, "not found", long keys and binary keys are kept as they are', () => {
  const store = new StoreFixture(1 << 20)
  const longKey = 'k'.repeat(65_536)
  const binaryKey = Buffer.from([0, 255, 128, 0])
  store.put('empty', '')
  store.put('gone', null)
  store.put(longKey, 'long')
  store.put(binaryKey, 'binary')
  assert.equal(store.text('empty'), '')
  assert.equal(store.text('gone'), null)
  assert.equal(store.text(longKey), 'long')
  assert.equal(store.text('k'.repeat(65_535)), undefined)
  assert.equal(store.read(binaryKey)?.toString(), 'binary')
  store.writer.check()
})

test('a budget of 2048 bytes holds entries and is never exceeded', () => {
  const store = new StoreFixture(2048)
  for (let i = 0; i < 1000; i++) {
    assert.equal(store.put(`key${i}`, `value${i}`), 'stored')
    assert.equal(store.text(`key${i}`), `value${i}`)
    store.writer.check()
  }
  assert.ok(store.writer.count >= 20, `only ${store.writer.count} entries in 2048 bytes`)
})

test('a store of 1024 bytes holds entries, whatever the policy', () => {
  for (const policy of POLICY_NAMES) {
    const store = new StoreFixture(1024, policy)
    for (let i = 0; i < 100; i++) {
      assert.equal(store.put(`key${i}`, 'v'), 'stored', policy)
      assert.equal(store.text(`key${i}`), 'v', policy)
      store.writer.check()
    }
    assert.ok(store.writer.count >= 8, `${policy}: only ${store.writer.count} entries in 1024 bytes`)
  }
})

test('after a clear nothing of before is found, whatever hints name it, and its index is used again', () => {
  const store = new StoreFixture(256 * 1024, 's3fifo')
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 2000; i++) store.put(`key${i}`, `value${i}`)
    const key = Buffer.from('key1999')
    store.epochs.pin(0)
    const place = store.reader.find(key, 0, key.length, store.hash(key))
    for (let i = 1500; i < 2000; i++) store.read(`key${i}`)
    store.epochs.pin(0)
    store.writer.clear()
    assert.equal(Buffer.from(store.reader.value(place)).toString(), 'value1999', 'a pin holds what it found')
    store.epochs.unpin(0)
    store.writer.maintain(10)
    store.writer.check()
    for (let i = 0; i < 2000; i++) assert.equal(store.read(`key${i}`), undefined)
    for (let i = 0; i < 20; i++) store.put(`new${i}`, `value${i}`)
    store.writer.check()
    for (let i = 0; i < 2000; i++) assert.equal(store.read(`key${i}`), undefined)
    store.takeOver().check()
    assert.equal(store.writer.count, 20)
  }
})

test('a value over a tenth of the store is not kept and leaves the others alone', () => {
  const store = new StoreFixture(64 * 1024)
  store.put('small', 'stays')
  store.put('big', 'old value')
  assert.equal(store.put('big', Buffer.alloc(7000)), 'oversize')
  assert.equal(store.text('big'), undefined, 'the old value of the key must not outlive the new one')
  assert.equal(store.text('small'), 'stays')
  assert.equal(store.put('fits', Buffer.alloc(6000)), 'stored')
})

test('a write hears of a bounded number of hits, housekeeping of the others', () => {
  const store = new StoreFixture(64 * 1024)
  store.put('read', 'again and again')
  for (let i = 0; i < 200; i++) store.read('read')
  store.put('a', '')
  assert.equal(store.heard.count, 64)
  store.put('b', '')
  assert.equal(store.heard.count, 128)
  store.writer.maintain(1)
  assert.equal(store.heard.count, 200)
})

test('the least recently read entry is evicted first, reads by any thread counted', () => {
  const store = new StoreFixture(8192)
  store.put('read', 'x'.repeat(100))
  store.put('unread', 'x'.repeat(100))
  for (let i = 0; store.evicted.count < 20; i++) {
    assert.ok(store.read('read'))
    store.put(`filler${i}`, 'x'.repeat(100))
  }
  assert.ok(store.read('read'))
  assert.equal(store.read('unread'), undefined)
})

test('the log moves what is in use and never gives it up by itself, whatever the sizes', () => {
  for (const [budgetBytes, valueBytesMax] of [
    [32 << 10, 100],
    [32 << 10, 1000],
    [256 << 10, 5000],
    [1 << 20, 30_000],
  ] as const) {
    const store = new StoreFixture(budgetBytes)
    store.put('in use', 'v')
    for (let i = 0; i < 5000; i++) {
      assert.equal(store.text('in use'), 'v', `lost after ${i} inserts of up to ${valueBytesMax} bytes`)
      store.put(`filler${i}`, 'x'.repeat((i * 7919) % valueBytesMax))
    }
  }
})

test('in the largest store no place is beyond what a place can be', () => {
  const store = new StoreFixture(STORE_BYTES_MAX)
  assert.ok(store.memory.byteLength < 2 ** 31)
  // Memory that was never touched costs nothing: the log is as if it had been filled up to its end.
  const words = new Int32Array(store.memory)
  words[Header.LOG_HEAD] = words[Header.LOG_TAIL] = store.memory.byteLength - 4096
  store.takeOver()
  for (let i = 0; i < 20; i++) {
    assert.equal(store.put(`key${i}`, 'x'.repeat(1000)), 'stored')
    assert.equal(store.text(`key${i}`), 'x'.repeat(1000))
  }
  assert.ok(words[Header.LOG_HEAD]! < store.memory.byteLength / 2, 'a new lap has begun')
  store.writer.check()
})

test('an expired entry is gone for readers at once and its memory without a read', () => {
  const store = new StoreFixture(64 * 1024)
  store.put('short', 'a', 1000)
  store.put('long', 'b', 3_600_000)
  store.put('forever', 'c')
  store.clock.advance(999)
  assert.equal(store.text('short'), 'a')
  store.clock.advance(1)
  assert.equal(store.text('short'), undefined)
  assert.equal(store.writer.count, 3)
  store.clock.advance(32)
  assert.equal(store.writer.maintain(100), 1)
  assert.equal(store.writer.count, 2)
  store.clock.advance(3_600_000)
  store.writer.maintain(100)
  assert.equal(store.expired.count, 2)
  assert.equal(store.text('forever'), 'c')
  store.writer.check()
})

test('a time to live over 24.8 days is cut to that, and the clock may pass 2^32 ms', () => {
  const store = new StoreFixture(64 * 1024)
  store.clock.advance(2 ** 32 - 2_000_000)
  store.put('k', 'v', Number.MAX_SAFE_INTEGER)
  store.clock.advance(2 ** 31 - 2)
  assert.equal(store.text('k'), 'v')
  store.clock.advance(1)
  assert.equal(store.text('k'), undefined)
  store.clock.advance(64)
  assert.equal(store.writer.maintain(10), 1)
})

test('a pinned reader keeps the bytes that it found, and a write refuses rather than overwrite them', () => {
  const store = new StoreFixture(4096)
  store.put('pinned', 'precious')
  const key = Buffer.from('pinned')
  store.epochs.pin(0)
  const place = store.reader.find(key, 0, key.length, store.hash(key))
  const results = new Set<string>()
  for (let i = 0; i < 200; i++) results.add(store.put(`filler${i}`, 'x'.repeat(50)))
  assert.ok(results.has('refused'), 'the log went round under a pin')
  assert.equal(Buffer.from(store.reader.value(place)).toString(), 'precious')
  store.epochs.unpin(0)
  assert.equal(store.put('after', 'v'), 'stored')
  store.writer.check()
})

test('a new owner finds every entry of the old one, and keeps their order and their times', () => {
  const store = new StoreFixture(16 * 1024)
  for (let i = 0; i < 50; i++) store.put(`key${i}`, `value${i}`, i % 2 ? 1000 : Number.POSITIVE_INFINITY)
  store.remove('key7')
  store.takeOver().check()
  assert.equal(store.writer.count, 49)
  assert.equal(store.text('key9'), 'value9')
  store.clock.advance(1100)
  store.writer.maintain(100)
  assert.equal(store.writer.count, 25)
  for (let i = 0; i < 500; i++) store.put(`more${i}`, 'x'.repeat(100))
  store.writer.check()
})

test('a new owner starts empty when the old one died in the middle of a change', () => {
  const store = new StoreFixture(16 * 1024)
  for (let i = 0; i < 100; i++) store.put(`key${i}`, `value${i}`)
  new Int32Array(store.memory)[Header.CHANGING] = 1
  // Any garbage may be left in the chains.
  new Int32Array(store.memory).fill(0x01000003, 32, 64)
  store.takeOver().check()
  assert.equal(store.writer.count, 0)
  assert.equal(store.text('key1'), undefined)
  for (let i = 0; i < 1000; i++) store.put(`key${i}`, `value${i}`)
  assert.equal(store.text('key999'), 'value999')
  store.writer.check()
})

for (const [from, to] of [
  ['lru', 's3fifo'],
  ['s3fifo', 'lru'],
  ['w-tinylfu', 'auto'],
  ['auto', 'clock'],
] as const) {
  test(`a change from ${from} to ${to} loses nothing but what the budget takes`, () => {
    const store = new StoreFixture(256 * 1024, from)
    for (let i = 0; i < 3000; i++) store.put(`key${i}`, 'x'.repeat(60))
    const before = store.writer.count
    store.evicted.count = 0
    store.writer.setPolicy(POLICIES[to])
    for (let round = 0; round < 8; round++) {
      if (round % 2 === 0) store.put(`extra${round}`, 'x'.repeat(60))
      else store.writer.maintain(0)
      store.writer.check()
    }
    assert.equal(store.writer.count, before + 4 - store.evicted.count)
    assert.ok(
      to === 's3fifo' || to === 'auto' || store.evicted.count === 0,
      'a cheaper policy costs no entries',
    )
    assert.ok(store.evicted.count < before / 3, `${store.evicted.count} of ${before} had to go`)
    for (let i = 0; i < 3000; i++) store.put(`more${i}`, 'x'.repeat(60))
    store.writer.check()
  })
}

test('what is read stays, however few entries there is room for, and wherever the log ends', () => {
  for (let budgetBytes = 32_768; budgetBytes > 30_720; budgetBytes -= 64) {
    const store = new StoreFixture(budgetBytes, 'lru')
    store.put('read', 'x'.repeat(1000))
    for (let i = 0; i < 45; i++) {
      assert.ok(store.read('read') !== undefined, `budget ${budgetBytes}, filler ${i}`)
      store.put(`filler ${i}`, 'x'.repeat(1000))
    }
  }
})

test('no write moves more than a few entries, even when it is the young ones that are evicted', () => {
  const store = new StoreFixture(1 << 20, 'w-tinylfu')
  const words = new Int32Array(store.memory)
  for (let i = 0; i < 8000; i++) {
    store.put(`old${i % 4000}`, 'x'.repeat(60))
    store.read(`old${i % 2000}`)
  }
  let movedMax = 0
  for (let i = 0; i < 40_000; i++) {
    const before = words[Header.LOG_HEAD]!
    store.put(`new${i}`, 'x'.repeat(60))
    // Negative where the log begins a new lap.
    movedMax = Math.max(movedMax, words[Header.LOG_HEAD]! - before)
  }
  assert.ok(movedMax <= 80 * 88, `${movedMax} bytes were written for one entry of 88`)
  store.writer.check()
})

test('of two changes of policy at once the last one counts', () => {
  const store = new StoreFixture(64 * 1024, 'fifo')
  for (let i = 0; i < 200; i++) store.put(`key${i}`, 'x'.repeat(60))
  for (const policy of ['lfu', 'sieve', 'lru'] as const) store.writer.setPolicy(POLICIES[policy])
  for (let round = 0; round < 4; round++) store.writer.maintain(0)
  store.put('wanted', 'x'.repeat(60))
  for (let i = 0; i < 2000; i++) {
    assert.ok(store.read('wanted'), 'LRU keeps what is read all the time')
    store.put(`more${i}`, 'x'.repeat(60))
  }
})

test('random operations agree with a plain Map', () => {
  const seed = seedOf()
  for (const [budgetBytes, valueBytesMax] of [
    [2048, 60],
    [32_768, 700],
    [1 << 20, 20_000],
  ] as const) {
    compareWithModel(seed, budgetBytes, valueBytesMax)
  }
})

/** Drives a store and a Map alike. Entries may be missing only if they were counted as evicted or expired. */
function compareWithModel(seed: number, budgetBytes: number, valueBytesMax: number): void {
  const prng = new Prng(seed)
  const store = new StoreFixture(budgetBytes)
  const model = new Map<string, { value: string; expiresAt: number }>()
  const audit = (): void => {
    store.writer.check()
    let missing = 0
    for (const [key, { value, expiresAt }] of model) {
      const found = store.text(key)
      if (found !== undefined) assert.equal(found, value)
      if (expiresAt <= store.clock.nowMs()) assert.equal(found, undefined, `${key} has expired`)
      else if (found === undefined) missing++
      if (found === undefined) model.delete(key)
    }
    assert.ok(
      missing <= store.evicted.count,
      `${missing} entries are missing, ${store.evicted.count} were evicted`,
    )
    store.evicted.count = 0
  }
  for (let step = 0; step < 20_000; step++) {
    const key = `key${prng.below(500)}`
    const dice = prng.below(100)
    if (dice < 55) {
      const value = String.fromCharCode(97 + prng.below(26)).repeat(prng.below(valueBytesMax))
      const ttlMs = prng.below(4) === 0 ? 1 + prng.below(60_000) : Number.POSITIVE_INFINITY
      if (store.put(key, value, ttlMs) === 'stored')
        model.set(key, { value, expiresAt: store.clock.nowMs() + ttlMs })
      else model.delete(key)
    } else if (dice < 80) {
      const found = store.text(key)
      if (found !== undefined) assert.equal(found, model.get(key)?.value)
    } else if (dice < 90) {
      store.remove(key)
      model.delete(key)
    } else if (dice < 97) {
      store.clock.advance(prng.below(500))
      store.writer.maintain(1 + prng.below(20))
    } else if (dice === 97 && prng.below(2) === 0) store.takeOver()
    else if (dice === 97) store.writer.setPolicy(POLICIES[POLICY_NAMES[prng.below(POLICY_NAMES.length)]!])
    else if (dice === 98 && prng.below(50) === 0) {
      store.writer.clear()
      model.clear()
      audit()
    }
    assert.ok(store.writer.usedBytes <= store.writer.budgetBytes)
    if (step % 500 === 0) audit()
  }
  audit()
}

test('a renewable entry outlives its freshness for its owner, and for readers who ask for that', () => {
  const store = new StoreFixture(64 * 1024, 'lru', undefined, { staleMs: 500 })
  const get = (key: string) => store.writer.get(Buffer.from(key), store.hash(Buffer.from(key)))
  store.put('renewable', 'a', 1000, true)
  store.put('plain', 'b', 1000)
  store.put('forever', 'c', Number.POSITIVE_INFINITY, true)
  store.clock.advance(1000)
  assert.equal(store.text('renewable'), undefined)
  assert.equal(get('renewable')?.ttlLeftMs, 0)
  assert.equal(get('plain'), undefined)
  store.takeOver()
  store.clock.advance(499)
  assert.equal(store.writer.maintain(10), 1, 'only the plain one')
  assert.equal(get('renewable')?.ttlLeftMs, -499)
  assert.equal(store.stale('renewable', 500), 'a')
  assert.equal(store.stale('renewable', 499), undefined)
  assert.equal(store.stale('forever', 0), 'c')
  store.clock.advance(1)
  assert.equal(get('renewable'), undefined)
  assert.equal(store.stale('renewable', 500), undefined)
  store.clock.advance(32)
  assert.equal(store.writer.maintain(10), 1)
  assert.equal(store.writer.count, 1)
  store.writer.check()
})

test('entries fall due when they are hit in the last part of their time, each once, and only if renewable', () => {
  const store = new StoreFixture(64 * 1024, 'lru', undefined, { refreshAhead: 0.25 })
  const due = () => {
    store.writer.maintain(10)
    return store.writer.takeDue().map((key) => Buffer.from(key).toString())
  }
  store.put('a', '1', 1000, true)
  store.put('b', '1', 1000, true)
  store.put('plain', '1', 1000)
  store.put('forever', '1', Number.POSITIVE_INFINITY, true)
  store.clock.advance(750)
  for (const key of ['a', 'b', 'plain', 'forever']) assert.ok(store.read(key))
  assert.deepEqual(due(), [])
  store.clock.advance(1)
  for (const key of ['a', 'a', 'plain', 'forever', 'b']) assert.ok(store.read(key))
  store.writer.maintain(10)
  store.remove('b')
  store.put('stranger in its slot', '1', 1000, true)
  assert.deepEqual(due(), ['a'])
  assert.deepEqual(due(), [])
})
