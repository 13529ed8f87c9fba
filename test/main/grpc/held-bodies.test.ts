import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldBodies } from '../../../src/main/grpc/held-bodies.js'
import { Prng, seedOf } from '../../support/prng.js'

const BODY_BYTES_MAX = 512

function readBack(bodies: HeldBodies, first: number, lengthBytes: number): Buffer {
  const target = Buffer.alloc(BODY_BYTES_MAX, 0xee)
  bodies.read(first, lengthBytes, target)
  assert.ok(target.subarray(lengthBytes).every((byte) => byte === 0xee))
  return target.subarray(0, lengthBytes)
}

test('every body comes back as it was, whatever was kept and released meanwhile', () => {
  const random = new Prng(seedOf())
  const bodies = new HeldBodies()
  const kept: { first: number; bytes: Buffer }[] = []
  for (let step = 0; step < 20_000; step++) {
    if (random.below(100) < (step % 4000 < 2000 ? 60 : 40)) {
      const bytes = Buffer.from(
        Array.from({ length: 1 + random.below(BODY_BYTES_MAX) }, () => random.below(256)),
      )
      const start = random.below(9)
      const first = bodies.keep(
        Buffer.concat([Buffer.alloc(start), bytes, Buffer.alloc(3)]),
        start,
        start + bytes.length,
      )
      assert.notEqual(first, 0)
      kept.push({ first, bytes })
    } else if (kept.length > 0) {
      const [{ first, bytes }] = kept.splice(random.below(kept.length), 1) as [(typeof kept)[0]]
      assert.deepEqual(readBack(bodies, first, bytes.length), bytes)
      bodies.release(first)
    }
  }
  const blockCount = kept.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 60), 0)
  assert.equal(bodies.usedCount, blockCount)
  for (const { first } of kept) bodies.release(first)
  assert.equal(bodies.usedCount, 0)
})

test('what does not fit any more is refused, and leaves nothing behind', () => {
  const bodies = new HeldBodies(1)
  const body = Buffer.alloc(BODY_BYTES_MAX, 1)
  const firsts: number[] = []
  for (let first = bodies.keep(body, 0, 512); first !== 0; first = bodies.keep(body, 0, 512))
    firsts.push(first)
  assert.equal(firsts.length, Math.floor(4096 / 9))
  assert.equal(bodies.usedCount, firsts.length * 9)
  bodies.release(firsts.pop()!)
  assert.notEqual(bodies.keep(body, 0, 512), 0)
  assert.equal(bodies.bytes, 256 * 1024)
})

test('the memory of a crowd is given back when nothing is held any more, but for some of it', () => {
  const bodies = new HeldBodies()
  const body = Buffer.alloc(60, 1)
  const firsts = Array.from({ length: 100_000 }, () => bodies.keep(body, 0, body.length))
  assert.equal(bodies.bytes, Math.ceil(100_000 / 4096) * 256 * 1024)
  for (const first of firsts) bodies.release(first)
  assert.equal(bodies.bytes, 4 * 2 ** 20)
  const again = bodies.keep(body, 0, body.length)
  assert.deepEqual(readBack(bodies, again, 60), body)
})

test('no body is none', () => {
  const bodies = new HeldBodies()
  bodies.release(0)
  assert.equal(bodies.usedCount, 0)
})
