import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../support/prng.js'
import { StoreFixture } from '../../support/store-fixture.js'

test('a value is copied whole and nothing beside it, whatever its length and wherever it goes', () => {
  const store = new StoreFixture(8 << 20)
  const prng = new Prng(1)
  const guardBytes = 16
  for (const lengthBytes of [0, 1, 16, 17, 127, 128, 511, 512, 513, 8191, 8192, 8193, 70_001]) {
    const value = Buffer.from(Array.from({ length: lengthBytes }, () => prng.below(256)))
    const key = Buffer.from(`key of ${lengthBytes}`)
    store.put(key, value)
    store.epochs.pin(0)
    const place = store.reader.find(key, 0, key.length, store.hash(key))
    for (let at = guardBytes; at < guardBytes + 8; at++) {
      const target = Buffer.alloc(at + lengthBytes + guardBytes, 0xee)
      store.reader.copyValue(place, target, at)
      const expected = Buffer.concat([Buffer.alloc(at, 0xee), value, Buffer.alloc(guardBytes, 0xee)])
      assert.ok(target.equals(expected), `${lengthBytes} bytes at ${at}`)
    }
    store.epochs.unpin(0)
  }
})
