import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type EntryViews,
  entryBytes,
  entryBytesAt,
  entryStart,
  keyEquals,
  valueAt,
  valueLengthAt,
} from '../../src/shared/store/entry.js'
import { LONG_ENTRY_BYTES } from '../../src/shared/store/layout.js'
import { EntryWriter } from '../../src/worker/entry-writer.js'
import { Prng, seedOf } from '../support/prng.js'

const MEMORY_BYTES = 256 * 1024
const GUARD = 0xee

function newViews(): EntryViews {
  const memory = new SharedArrayBuffer(MEMORY_BYTES)
  const views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
  views.bytes.fill(GUARD)
  return views
}

function randomBytes(random: Prng, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, () => random.below(256))
}

/** Everything before `from` and from `end` on is as it was. */
function assertUntouched({ bytes }: EntryViews, from: number, end: number): void {
  assert.ok(bytes.subarray(0, from).every((byte) => byte === GUARD))
  assert.ok(bytes.subarray(end).every((byte) => byte === GUARD))
}

test('an entry is written and moved whole, and nothing beside it, wherever value and places begin', () => {
  const random = new Prng(seedOf())
  const source = randomBytes(random, 20_000)
  for (const lengthBytes of [0, 1, 7, 90, 300, 480, 500, 501, 1023, 1024, 8191, 8192, 8193, 17_000]) {
    for (const begin of [0, 1, 4]) {
      const value = source.subarray(begin, begin + lengthBytes)
      const key = randomBytes(random, random.below(4) === 0 ? 300 : 1 + random.below(20))
      const times = random.below(2) === 0 ? { freshUntil: 1, storedAt: 2 } : undefined
      const sizeBytes = entryBytes(key.length, lengthBytes, times !== undefined)
      for (const [at, movedTo] of [
        [64, 40_000],
        [68, 40_000],
        [64, 40_004],
        [68, 40_004],
      ] as const) {
        const [place, to] = [entryStart(at, sizeBytes), entryStart(movedTo, sizeBytes)]
        const views = newViews()
        const writer = new EntryWriter(views)
        writer.write(place, 1, { key, value, notFound: false, times })
        assert.equal(entryBytesAt(views, place), sizeBytes)
        assertUntouched(views, place, place + sizeBytes)
        writer.move(place, to, sizeBytes)
        views.bytes.fill(GUARD, place, place + sizeBytes)
        assertUntouched(views, to, to + sizeBytes)
        const start = valueAt(views, to)
        assert.deepEqual(
          Buffer.from(views.bytes.slice(start, start + valueLengthAt(views, to))),
          Buffer.from(value),
        )
        assert.ok(keyEquals(views, to, key, 0, key.length))
      }
    }
  }
})

test('long entries begin and end at multiples of 8, and so do the values that they hold', () => {
  const views = newViews()
  const writer = new EntryWriter(views)
  for (const timed of [false, true]) {
    for (const keyLength of [1, 5, 255, 256]) {
      for (let valueLength = 0; valueLength < 1100; valueLength++) {
        const sizeBytes = entryBytes(keyLength, valueLength, timed)
        assert.equal(sizeBytes % (sizeBytes < LONG_ENTRY_BYTES ? 4 : 8), 0)
        const place = entryStart(1012, sizeBytes)
        assert.equal(place, sizeBytes < LONG_ENTRY_BYTES ? 1012 : 1016)
        if (valueLength < LONG_ENTRY_BYTES) continue
        const entry = { key: new Uint8Array(keyLength), value: new Uint8Array(valueLength), notFound: false }
        writer.write(place, 1, timed ? { ...entry, times: { freshUntil: 1, storedAt: 2 } } : entry)
        assert.equal(valueAt(views, place) % 8, 0)
      }
    }
  }
})
