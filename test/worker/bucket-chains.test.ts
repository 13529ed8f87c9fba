import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/shared/clock.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { BUCKET, OVERFLOW } from '../../src/shared/store/bucket.js'
import { type EntryViews, entryBytes } from '../../src/shared/store/entry.js'
import { allocateStore, geometryOf } from '../../src/shared/store/layout.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import { BucketChains } from '../../src/worker/bucket-chains.js'
import { EntryWriter } from '../../src/worker/entry-writer.js'
import { Prng, seedOf } from '../support/prng.js'

const ENTRY_BYTES = entryBytes(4, 0, false)

/** Chains over entries whose keys are numbers, and whose hashes are whatever a test wants them to be. */
class Fixture {
  readonly geometry
  readonly views: EntryViews
  /** Numbers of the entries by their places. */
  readonly entries = new Map<number, number>()
  readonly #hashOf: (number: number) => number
  readonly #writer: EntryWriter
  readonly #reader: StoreReader
  chains: BucketChains

  constructor(budgetBytes: number, hashOf: (number: number) => number) {
    const memory = allocateStore(budgetBytes)
    this.geometry = geometryOf(budgetBytes)
    this.views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    this.#hashOf = hashOf
    this.#writer = new EntryWriter(this.views)
    this.#reader = new StoreReader(memory, new AccessLog(), 0, systemClock)
    this.chains = this.reopen()
  }

  reopen(): BucketChains {
    const hashAt = (place: number) => this.#hashOf(this.entries.get(place)!)
    this.chains = new BucketChains(this.views, this.geometry, hashAt)
    return this.chains
  }

  placeOf(number: number): number {
    return this.geometry.logAt + number * ENTRY_BYTES
  }

  write(number: number): number {
    const place = this.placeOf(number)
    const entry = { key: keyOf(number), value: new Uint8Array(0), notFound: false }
    this.#writer.write(place, number + 1, entry)
    return place
  }

  add(number: number): void {
    const place = this.write(number)
    this.entries.set(place, number)
    this.chains.add(this.#hashOf(number), place, this.entries.size)
  }

  remove(number: number): void {
    this.chains.remove(this.#hashOf(number), this.placeOf(number))
    this.entries.delete(this.placeOf(number))
  }

  find(number: number): number {
    return this.chains.find(keyOf(number), 0, 4, this.#hashOf(number))
  }

  /** As find(), as readers look for it. */
  read(number: number): number {
    return this.#reader.find(keyOf(number), 0, 4, this.#hashOf(number))
  }

  check(): void {
    const seen = new Set<number>()
    this.chains.check((place) => seen.add(place))
    assert.deepEqual([...seen].sort(), [...this.entries.keys()].sort())
  }
}

function keyOf(number: number): Uint8Array {
  const key = Buffer.alloc(4)
  key.writeInt32LE(number)
  return key
}

test('as many entries as there are slots find room for their places, even if all are in one chain', () => {
  const fixture = new Fixture(16 * 1024, () => 0x1230_0000)
  const { slotCountMax } = fixture.geometry
  for (let number = 0; number < slotCountMax; number++) fixture.add(number)
  fixture.check()
  for (let number = 0; number < slotCountMax; number++) {
    assert.equal(fixture.find(number), fixture.placeOf(number))
  }
  assert.equal(fixture.find(slotCountMax), 0)
  const overflowCount = Math.ceil((slotCountMax - BUCKET.entriesMax) / OVERFLOW.entriesMax)
  assert.equal(
    fixture.chains.bytes,
    fixture.chains.bucketCount * BUCKET.bytes + overflowCount * OVERFLOW.bytes,
  )
  for (let number = 0; number < slotCountMax; number++) fixture.remove(number)
  fixture.check()
})

test('the free bytes beside the tags of an overflow bucket lead to no place, whatever the tags', () => {
  const hidden = 200
  // In an overflow bucket, the tags of the second to the fifth entry together make the place of an entry that was not
  // added, and that is looked for by a tag of 0, as the free bytes are.
  const inFirst = BUCKET.entriesMax
  const hashOf = (number: number): number => {
    if (number === hidden) return 0
    if (number <= inFirst) return 0x0ff0_0000
    return ((fixture.placeOf(hidden) >>> (8 * (number - inFirst - 1))) & 0xff) << 20
  }
  const fixture = new Fixture(64 * 1024, hashOf)
  for (let number = 0; number < inFirst + OVERFLOW.entriesMax; number++) fixture.add(number)
  assert.equal(fixture.chains.bytes, 2 * BUCKET.bytes + OVERFLOW.bytes)
  fixture.write(hidden)
  assert.equal(fixture.find(hidden), 0)
  assert.equal(fixture.read(hidden), 0)
  for (let number = 0; number < inFirst + OVERFLOW.entriesMax; number++) {
    assert.equal(fixture.find(number), fixture.placeOf(number))
    assert.equal(fixture.read(number), fixture.placeOf(number))
  }
})

test('chains of any length grow, shrink, are divided and taken over', () => {
  const random = new Prng(seedOf())
  for (const spread of [1, 3, 40, 1000]) {
    const fixture = new Fixture(64 * 1024, (number) => Math.imul(number % spread, 0x9e3779b1))
    const there = new Set<number>()
    for (let step = 0; step < 4000; step++) {
      const number = random.below(step % 1000 < 500 ? 600 : 100)
      assert.equal(fixture.find(number), there.has(number) ? fixture.placeOf(number) : 0)
      if (there.delete(number)) fixture.remove(number)
      else if (there.add(number)) fixture.add(number)
      if (step % 200 === 0) fixture.check()
      if (step % 700 === 0) fixture.reopen().check((place) => assert.ok(fixture.entries.has(place)))
    }
    fixture.check()
  }
})
