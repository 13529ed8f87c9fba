import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hashBytes, shardOf } from '../../src/shared/hash.js'
import { Prng, seedOf } from '../support/prng.js'

const MASK = 0xffff_ffffn

/** HalfSipHash-c-d as its reference describes it, in plain big integers. */
function halfSipHash(rounds: { c: number; d: number }, key: Uint8Array, message: Uint8Array): bigint {
  const word = (bytes: Uint8Array, at: number): bigint => BigInt(Buffer.from(bytes).readUInt32LE(at))
  const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (32n - by))) & MASK
  const [k0, k1] = [word(key, 0), word(key, 4)]
  const v = [k0, k1, 0x6c796765n ^ k0, 0x74656462n ^ k1] as [bigint, bigint, bigint, bigint]
  const round = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v[0] = (v[0] + v[1]) & MASK
      v[1] = rotate(v[1], 5n) ^ v[0]
      v[0] = rotate(v[0], 16n)
      v[2] = (v[2] + v[3]) & MASK
      v[3] = rotate(v[3], 8n) ^ v[2]
      v[0] = (v[0] + v[3]) & MASK
      v[3] = rotate(v[3], 7n) ^ v[0]
      v[2] = (v[2] + v[1]) & MASK
      v[1] = rotate(v[1], 13n) ^ v[2]
      v[2] = rotate(v[2], 16n)
    }
  }
  const padded = Buffer.alloc((Math.floor(message.length / 4) + 1) * 4)
  padded.set(message)
  padded[padded.length - 1] = message.length & 0xff
  for (let at = 0; at < padded.length; at += 4) {
    const m = word(padded, at)
    v[3] ^= m
    round(rounds.c)
    v[0] ^= m
  }
  v[2] ^= 0xffn
  round(rounds.d)
  return v[1] ^ v[3]
}

function ours(key: Uint8Array, message: Uint8Array): bigint {
  const view = Buffer.from(key)
  const seed = { k0: view.readInt32LE(0), k1: view.readInt32LE(4) }
  return BigInt(hashBytes(message, 0, message.length, seed) >>> 0)
}

test('the plain implementation gives the published vectors of HalfSipHash-2-4', () => {
  // The 32-bit vectors of the reference implementation: key 00 01 … 07, messages of 0, 1, 2 … bytes 00 01 02 …
  const key = Buffer.from('0001020304050607', 'hex')
  const published = ['a9359f5b', '27475ab8', 'fa62a603', '8afee704', '2a6e4689', 'c5fab669']
  for (const [length, expected] of published.entries()) {
    const message = Uint8Array.from({ length }, (_, i) => i)
    const output = Buffer.alloc(4)
    output.writeUInt32LE(Number(halfSipHash({ c: 2, d: 4 }, key, message)))
    assert.equal(output.toString('hex'), expected, `${length} bytes`)
  }
})

test('the hash is HalfSipHash-1-3 for every length and any key', () => {
  for (let length = 0; length <= 300; length++) {
    const [key, message] = [randomBytes(8), randomBytes(length)]
    assert.equal(
      ours(key, message),
      halfSipHash({ c: 1, d: 3 }, key, message),
      `key ${key.toString('hex')}, message ${message.toString('hex')}`,
    )
  }
})

test('only the range counts, wherever it lies', () => {
  const seed = { k0: 1, k1: -2 }
  const message = randomBytes(37)
  const wrapped = Buffer.concat([randomBytes(5), message, randomBytes(9)])
  assert.equal(hashBytes(wrapped, 5, 42, seed), hashBytes(message, 0, 37, seed))
})

test('keys that count up spread evenly over any number of shards and over the low bits', () => {
  const random = new Prng(seedOf())
  const seed = { k0: random.below(2 ** 32) | 0, k1: random.below(2 ** 32) | 0 }
  const keyCount = 20_000
  const hashes = Array.from({ length: keyCount }, (_, i) => {
    const key = Buffer.from(`key${i}`)
    return hashBytes(key, 0, key.length, seed)
  })
  for (const binCount of [1, 2, 3, 7, 32]) {
    for (const bin of [
      (hash: number) => shardOf(hash, binCount),
      (hash: number) => (hash >>> 0) % binCount,
    ]) {
      const counts = new Array<number>(binCount).fill(0)
      for (const hash of hashes) counts[bin(hash)]! += 1
      const expected = keyCount / binCount
      // Six standard deviations of a binomial count.
      const bound = 6 * Math.sqrt(expected * (1 - 1 / binCount)) + 1e-9
      for (const count of counts)
        assert.ok(Math.abs(count - expected) <= bound, `${binCount} bins: ${counts}`)
    }
  }
})
