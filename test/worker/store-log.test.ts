import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Epochs } from '../../src/shared/store/epoch.js'
import { Header, LONG_ENTRY_ALIGN, LONG_ENTRY_BYTES } from '../../src/shared/store/layout.js'
import { StoreLog } from '../../src/worker/store-log.js'
import { Prng, seedOf } from '../support/prng.js'

const START = 1024
const LIMIT = 4096
const READERS = [0, 1, 2] as const

interface Range {
  readonly place: number
  readonly sizeBytes: number
  /** Readers that may still look at it, once it was released. */
  readonly readers: Set<number>
}

/** A log beside plain lists of what is in it and of what readers may still see. */
class Pair {
  readonly epochs = new Epochs()
  /** What lies in the log is anything but 0: gaps are, for the log has made them so. */
  readonly words = new Int32Array((START + LIMIT) / 4).fill(-1)
  readonly pinned = new Set<number>()
  log: StoreLog
  entries: Range[] = []
  released: Range[] = []

  constructor() {
    this.epochs.admit(READERS.length - 1)
    this.words[Header.LOG_HEAD] = START
    this.words[Header.LOG_TAIL] = START
    this.words[Header.LOG_LAP_END] = 0
    this.log = new StoreLog(this.words, START, this.epochs)
    this.log.reclaim()
  }

  pin(reader: number): void {
    if (this.pinned.has(reader)) return
    this.epochs.pin(reader)
    this.pinned.add(reader)
  }

  unpin(reader: number): void {
    this.epochs.unpin(reader)
    this.pinned.delete(reader)
    for (const range of this.released) range.readers.delete(reader)
    this.released = this.released.filter(({ readers }) => readers.size > 0)
  }

  /** False when there is no room. */
  append(sizeBytes: number): boolean {
    const place = this.log.placeFor(sizeBytes, LIMIT)
    if (place === 0) return false
    const end = place + sizeBytes
    if (sizeBytes >= LONG_ENTRY_BYTES) assert.equal(place % LONG_ENTRY_ALIGN, 0, 'a long entry')
    assert.ok(place >= START && end <= START + LIMIT, `${place} … ${end} is outside of the log`)
    for (const range of [...this.entries, ...this.released]) {
      const apart = end <= range.place || range.place + range.sizeBytes <= place
      assert.ok(apart, `${place} … ${end} overwrites ${range.place} … ${range.place + range.sizeBytes}`)
    }
    this.log.append(place, sizeBytes)
    this.words.fill(-1, place >> 2, end >> 2)
    this.entries.push({ place, sizeBytes, readers: new Set() })
    return true
  }

  /** Passes over the oldest entry; false when there is none. */
  release(): boolean {
    const place = this.log.oldest()
    assert.equal(place, this.entries[0]?.place ?? 0, 'the oldest entry')
    const oldest = this.entries.shift()
    if (!oldest) return false
    this.log.release(oldest.sizeBytes)
    this.keepFromReaders([oldest])
    return true
  }

  releaseAll(): void {
    this.log.releaseAll()
    this.keepFromReaders(this.entries)
    this.entries = []
  }

  takeOver(): void {
    this.log = new StoreLog(this.words, START, this.epochs)
  }

  keepFromReaders(ranges: readonly Range[]): void {
    if (this.pinned.size === 0) return
    for (const range of ranges) this.released.push({ ...range, readers: new Set(this.pinned) })
  }
}

test('random appends, releases, pins and changes of owner: nothing that can be read is ever given out again', () => {
  const random = new Prng(seedOf())
  for (let round = 0; round < 200; round++) {
    const pair = new Pair()
    for (let step = 0; step < 400; step++) {
      const dice = random.below(100)
      if (dice < 45) pair.append(4 * (1 + random.below(random.below(8) === 0 ? 240 : 60)))
      else if (dice < 75) pair.release()
      else if (dice < 82) pair.pin(random.below(READERS.length))
      else if (dice < 90) pair.unpin(random.below(READERS.length))
      else if (dice < 98) pair.log.reclaim()
      else if (dice < 99) pair.takeOver()
      else if (random.below(4) === 0) pair.releaseAll()
      const inLog = pair.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      assert.ok(pair.log.usedBytes >= inLog && pair.log.usedBytes <= LIMIT)
    }
    assertEmptied(pair)
  }
})

/** Once all is released and nobody is pinned, the whole log is free again. */
function assertEmptied(pair: Pair): void {
  for (const reader of READERS) pair.unpin(reader)
  while (pair.release());
  pair.log.reclaim()
  assert.equal(pair.log.isReclaimed, true)
  assert.equal(pair.log.usedBytes, 0)
  assert.ok(pair.append(LIMIT / 2), 'half of the log')
}

test('a long entry begins at a multiple of 8, behind a gap if need be, which is no entry', () => {
  const pair = new Pair()
  for (const sizeBytes of [12, LONG_ENTRY_BYTES, LONG_ENTRY_BYTES + 8, LONG_ENTRY_BYTES - 4, 16, 600]) {
    assert.equal(pair.append(sizeBytes), true)
  }
  const places = pair.entries.map(({ place }) => place - START)
  assert.deepEqual(places, [0, 16, 528, 1048, 1556, 1576])
  assert.equal(pair.log.usedBytes, 1576 + 600)
  assertEmptied(pair)
})

test('a pinned reader keeps what was released after it pinned, and only that', () => {
  const pair = new Pair()
  pair.append(LIMIT / 2)
  pair.append(LIMIT / 2)
  pair.pin(0)
  pair.release()
  assert.equal(pair.log.reclaim(), false)
  assert.equal(pair.append(8), false)
  assert.equal(pair.log.reclaim(1), false)
  pair.unpin(0)
  pair.pin(0)
  assert.equal(pair.log.reclaim(), true)
  assert.equal(pair.append(LIMIT / 2), true)
})

test('an owner that takes over writes nothing while a reader from before is pinned', () => {
  const pair = new Pair()
  pair.append(LIMIT / 2)
  pair.pin(1)
  pair.release()
  pair.takeOver()
  assert.equal(pair.append(8), false)
  assert.equal(pair.log.reclaim(), false)
  pair.unpin(1)
  assert.equal(pair.log.reclaim(), true)
  assert.equal(pair.append(8), true)
})
