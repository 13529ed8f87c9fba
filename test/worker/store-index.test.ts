import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../src/shared/hash.js'
import { type EntryViews, entryBytes } from '../../src/shared/store/entry.js'
import { allocateStore, geometryOf } from '../../src/shared/store/layout.js'
import { EntryWriter } from '../../src/worker/entry-writer.js'
import { StoreIndex } from '../../src/worker/store-index.js'
import { Prng, seedOf } from '../support/prng.js'

const BUDGET_BYTES = 1 << 20
const SEED = { k0: 11, k1: 22 }

/** An index over entries that lie one after the other, beside a map of key to slot. */
class Pair {
  readonly geometry = geometryOf(BUDGET_BYTES)
  readonly views: EntryViews
  readonly slots = new Map<string, number>()
  index: StoreIndex
  #place = this.geometry.logAt

  constructor() {
    const memory = allocateStore(BUDGET_BYTES)
    this.views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    this.index = this.reopen()
  }

  reopen(): StoreIndex {
    this.index = new StoreIndex(this.views, this.geometry, SEED)
    return this.index
  }

  insert(key: string): void {
    const slot = this.index.nextSlot
    this.index.insert(this.hash(key), this.#write(key, slot))
    assert.ok(![...this.slots.values()].includes(slot), `slot ${slot} is in use`)
    this.slots.set(key, slot)
  }

  /** The entry moves: same slot, another place. */
  move(key: string): void {
    const slot = this.slots.get(key)!
    this.index.point(slot, this.#write(key, slot))
  }

  remove(key: string): void {
    this.index.remove(this.slots.get(key)!)
    this.slots.delete(key)
  }

  find(key: string): number {
    const bytes = Buffer.from(key)
    return this.index.find(bytes, 0, bytes.length, this.hash(key))
  }

  hash(key: string): number {
    return hashBytes(Buffer.from(key), 0, Buffer.byteLength(key), SEED)
  }

  #write(key: string, slot: number): number {
    const keyBytes = Buffer.from(key)
    const sizeBytes = entryBytes(keyBytes.length, 0, false)
    if (this.#place + sizeBytes > this.geometry.memoryBytes) throw new Error('The test wrote too much')
    const place = this.#place
    new EntryWriter(this.views).write(place, slot, {
      key: keyBytes,
      value: new Uint8Array(0),
      notFound: false,
    })
    this.#place += sizeBytes
    return place
  }
}

test('random inserts, moves, removals, clears and changes of owner agree with a map', () => {
  const random = new Prng(seedOf())
  const pair = new Pair()
  for (let step = 0; step < 20_000; step++) {
    const key = `key${random.below(1500)}`
    const dice = random.below(100)
    assert.equal(pair.find(key), pair.slots.get(key) ?? 0)
    if (!pair.slots.has(key) && dice < 60) pair.insert(key)
    else if (pair.slots.has(key) && dice < 20) pair.move(key)
    else if (pair.slots.has(key) && dice < 60) pair.remove(key)
    else if (dice === 98 && random.below(30) === 0) pair.reopen()
    else if (dice === 99 && random.below(60) === 0) {
      pair.index.clear()
      pair.slots.clear()
    }
    assert.equal(pair.index.count, pair.slots.size)
    if (step % 500 === 0) pair.index.check()
  }
  pair.index.check()
})

test('freed slots are used again before new ones, also by another owner', () => {
  const pair = new Pair()
  for (let i = 0; i < 100; i++) pair.insert(`key${i}`)
  const slotHigh = pair.index.slotHigh
  for (let i = 0; i < 50; i++) pair.remove(`key${i}`)
  pair.reopen()
  for (let i = 0; i < 50; i++) pair.insert(`new${i}`)
  assert.equal(pair.index.slotHigh, slotHigh)
  pair.insert('one more')
  assert.equal(pair.index.slotHigh, slotHigh + 1)
  pair.index.check()
})

test('buckets are added one by one, and take 11 bytes an entry together with the slots', () => {
  const pair = new Pair()
  for (let i = 0; i < 5000; i++) {
    pair.insert(`key${i}`)
    assert.equal(pair.index.bucketCount, Math.ceil((i + 1) / 11))
  }
  assert.ok(pair.index.bytes < 12 * 5000, `${pair.index.bytes} bytes for 5000 entries`)
  pair.index.check()
})
