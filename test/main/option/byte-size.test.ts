import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatByteSize, parseByteSize } from '../../../src/main/option/byte-size.js'

describe('parseByteSize', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['4096', 4096],
    ['4096B', 4096],
    ['64KiB', 65_536],
    ['64 MiB', 67_108_864],
    ['1.5GiB', 1_610_612_736],
  ] as const) {
    it(`takes ${text}`, () => assert.equal(parseByteSize(text), bytes))
  }

  for (const text of ['', 'MiB', '64MB', '64mib', '-1', '1e3', '0.3KiB', '64MiB ', '9'.repeat(20), '1 2']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseByteSize(text), undefined))
  }
})

describe('formatByteSize', () => {
  it('takes the largest unit that divides evenly', () => {
    const texts = [0, 1000, 1024, 1536, 65_536, 67_108_864, 2 ** 31].map(formatByteSize)
    assert.deepEqual(texts, ['0', '1000', '1KiB', '1536', '64KiB', '64MiB', '2GiB'])
  })

  it('is what parseByteSize takes', () => {
    for (const bytes of [0, 1, 1023, 1025, 3 * 2 ** 20, 2 ** 40 + 2 ** 30]) {
      assert.equal(parseByteSize(formatByteSize(bytes)), bytes)
    }
  })
})
