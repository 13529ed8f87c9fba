import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from '../../src/shared/crc32.js'

test('crc32 gives the published check values', () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
  assert.equal(crc32(Buffer.from('')), 0)
  assert.equal(crc32(Buffer.from('The quick brown fox jumps over the lazy dog')), 0x414fa339)
  assert.equal(crc32(new Uint8Array(32)), 0x190a55ad)
  assert.equal(crc32(new Uint8Array(32).fill(0xff)), 0xff6cab0b)
})

test('crc32 takes the bytes of a view, not of its buffer', () => {
  const buffer = Buffer.from('xx123456789xx')
  assert.equal(crc32(buffer.subarray(2, 11)), 0xcbf43926)
})

test('crc32 agrees with its definition, bit by bit, for every length and any byte', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => (index * 167 + (index >> 3)) & 0xff)
  for (let length = 0; length <= bytes.length; length++) {
    let remainder = 0xffffffff
    for (const byte of bytes.subarray(0, length)) {
      remainder ^= byte
      for (let bit = 0; bit < 8; bit++) {
        remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
      }
    }
    assert.equal(crc32(bytes.subarray(0, length)), ~remainder >>> 0, `length ${length}`)
  }
})
