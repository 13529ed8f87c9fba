import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentDecode, percentDecodeText } from '../../../src/main/http/percent.js'
import { Prng, seedOf } from '../../support/prng.js'

const refused = { code: 'INVALID_ARGUMENT' }

test('any bytes can be written in a URL', () => {
  const random = new Prng(seedOf())
  for (let i = 0; i < 200; i++) {
    const bytes = Uint8Array.from({ length: random.below(40) }, () => random.below(256))
    const encoded = Array.from(bytes, (byte) => {
      const plain = String.fromCharCode(byte)
      if (/[A-Za-z0-9._~:-]/.test(plain) && random.below(2) === 0) return plain
      const hex = byte.toString(16).padStart(2, '0')
      return `%${random.below(2) === 0 ? hex : hex.toUpperCase()}`
    }).join('')
    assert.deepEqual(percentDecode(encoded), bytes)
  }
})

test('what is not properly encoded is refused', () => {
  for (const text of ['%', '%4', '%zz', 'a%', '%%41', '% 1', '%+1', 'a b', 'ü', '\0', '\x7f']) {
    assert.throws(() => percentDecode(text), refused, JSON.stringify(text))
  }
  assert.throws(() => percentDecodeText('%ff'), refused)
  assert.equal(percentDecodeText('%C3%BC'), 'ü')
})

test('a plus is a space only where it is said to be', () => {
  assert.equal(Buffer.from(percentDecode('a+b%2B', true)).toString(), 'a b+')
  assert.equal(Buffer.from(percentDecode('a+b')).toString(), 'a+b')
})
