import assert from 'node:assert/strict'
import { test } from 'node:test'
import { etagOf } from '../../../src/main/http/etag.js'
import { Prng, seedOf } from '../../support/prng.js'

test('a tag depends on the bytes alone, not on where they lie', () => {
  const random = new Prng(seedOf())
  for (let length = 0; length < 100; length++) {
    const value = Uint8Array.from({ length }, () => random.below(256))
    const tags = [0, 1, 2, 3, 4].map((offset) => {
      const memory = new Uint8Array(new SharedArrayBuffer(length + 8), offset, length)
      memory.set(value)
      return etagOf(memory)
    })
    assert.equal(new Set([...tags, etagOf(value)]).size, 1)
  }
})

test('values that differ little have tags that differ', () => {
  const tags = new Set<string>()
  let values = 0
  for (const length of [1, 3, 4, 15, 16, 17, 64]) {
    for (let at = 0; at < length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const value = new Uint8Array(length)
        value[at] = 1 << bit
        tags.add(etagOf(value))
        values++
      }
    }
    tags.add(etagOf(new Uint8Array(length)))
    values++
  }
  for (let n = 0; n < 100_000; n++, values++) tags.add(etagOf(Buffer.from(`value ${n}`)))
  assert.equal(tags.size, values)
})
