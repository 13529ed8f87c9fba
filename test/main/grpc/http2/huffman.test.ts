import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  huffmanDecode,
  huffmanDecodedBytesMax,
  huffmanEncode,
  huffmanEncodedBytes,
} from '../../../../src/main/grpc/http2/huffman.js'
import { randomBytes } from '../../../support/http2-frames.js'
import { Prng } from '../../../support/prng.js'

function encode(source: Buffer): Buffer {
  const target = Buffer.alloc(huffmanEncodedBytes(source))
  huffmanEncode(source, target, 0)
  return target
}

function decode(source: Buffer): Buffer | undefined {
  const target = Buffer.alloc(huffmanDecodedBytesMax(source.length))
  const length = huffmanDecode(source, 0, source.length, target, 0)
  return length < 0 ? undefined : target.subarray(0, length)
}

// RFC 7541, appendix C.4 and C.6.
const EXAMPLES: readonly (readonly [string, string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
]

test('the examples of the RFC, both ways', () => {
  for (const [text, hex] of EXAMPLES) {
    assert.equal(encode(Buffer.from(text)).toString('hex'), hex)
    assert.equal(decode(Buffer.from(hex, 'hex'))?.toString(), text)
  }
})

test('every byte and random strings come back', () => {
  const prng = new Prng(1)
  for (let byte = 0; byte < 256; byte++)
    assert.deepEqual(decode(encode(Buffer.from([byte]))), Buffer.from([byte]))
  for (let round = 0; round < 500; round++) {
    const source = randomBytes(prng, prng.below(60))
    assert.deepEqual(decode(encode(source)), source)
  }
})

test('padding of zeros, of eight bits and more, and EOS are refused', () => {
  assert.equal(decode(Buffer.from([0b00011_000])), undefined)
  assert.equal(decode(Buffer.from([0b00011_111, 0xff])), undefined)
  assert.equal(decode(Buffer.from([0xff])), undefined)
  assert.equal(decode(Buffer.from('ffffffff', 'hex')), undefined)
  assert.equal(decode(Buffer.from([0b00011_111]))?.toString(), 'a')
})

test('random bytes are decoded or refused, never beyond the room that was promised', () => {
  const prng = new Prng(2)
  for (let round = 0; round < 2000; round++) {
    const source = randomBytes(prng, prng.below(40))
    const decoded = decode(source)
    if (decoded !== undefined) assert.deepEqual(encode(decoded), source)
  }
})
