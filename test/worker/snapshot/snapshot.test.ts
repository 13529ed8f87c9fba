import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { shardOf } from '../../../src/shared/hash.js'
import type { Put } from '../../../src/worker/put.js'
import { BLOCK_BYTES, encodeHead, MAGIC, sealPart } from '../../../src/worker/snapshot/format.js'
import { restoreSnapshots } from '../../../src/worker/snapshot/restore.js'
import { saveSnapshot } from '../../../src/worker/snapshot/save.js'
import { Prng, seedOf } from '../../support/prng.js'
import { StoreFixture } from '../../support/store-fixture.js'
import { tempFolder } from '../../support/temp-folder.js'

const SAVED_AT_MS = 1_700_000_000_000
const MINUTE_MS = 60_000

/** The store of one shard, to be filled from snapshots. */
function targetOf(
  fixture: StoreFixture,
  { shard = 0, shardCount = 1, ttlMs = Number.POSITIVE_INFINITY } = {},
) {
  return {
    spec: { name: 'scores', shard, shardCount, freshness: { ttlMs } },
    hashOf: (key: Uint8Array) => fixture.hash(key),
    store: { put: (put: Put) => fixture.writer.put(put), current: fixture.writer },
  }
}

interface RestoreSettings {
  readonly downMs?: number
  readonly owns?: (key: Uint8Array) => boolean
  readonly timeoutMs?: number
  readonly shard?: number
  readonly shardCount?: number
  readonly ttlMs?: number
}

describe('A snapshot', () => {
  const folder = tempFolder()
  let files = 0
  const newFile = () => join(folder, `${files++}.snapshot`)

  async function save(fixture: StoreFixture, { file = newFile(), timeoutMs = 60_000 } = {}) {
    const result = await saveSnapshot(
      fixture.writer,
      { group: 'scores', file, timeoutMs },
      fixture.clock,
      () => SAVED_AT_MS,
    )
    return { file, result }
  }

  async function restore(
    fixture: StoreFixture,
    names: readonly string[],
    { downMs = 0, owns = () => true, timeoutMs = 60_000, ...spec }: RestoreSettings = {},
  ) {
    const options = { files: names, timeoutMs }
    return restoreSnapshots(targetOf(fixture, spec), options, owns, () => SAVED_AT_MS + downMs)
  }

  it('brings back a random store, whatever the number and size of the stores that it came from', async () => {
    const random = new Prng(seedOf())
    for (let round = 0; round < 4; round++) {
      const [fromCount, toCount] = [1 + random.below(3), 1 + random.below(3)]
      const sources = Array.from({ length: fromCount }, () => new StoreFixture(4 << 20))
      const truth = new Map<string, { value: Buffer | null; ttlMs: number }>()
      for (let i = 0; i < 1000; i++) {
        const key = Buffer.from(Array.from({ length: 1 + random.below(400) }, () => random.below(256)))
        const size = random.below(10) === 0 ? random.below(BLOCK_BYTES * 2) : random.below(50)
        const value = random.below(10) === 0 ? null : Buffer.alloc(size, i)
        const ttlMs = random.below(2) ? MINUTE_MS + random.below(MINUTE_MS) : Number.POSITIVE_INFINITY
        const source = sources[shardOf(sources[0]!.hash(key), fromCount)]!
        assert.equal(source.put(key, value, ttlMs), 'stored')
        truth.set(key.toString('latin1'), { value, ttlMs })
        if (random.below(10) === 0) truth.delete(key.toString('latin1'))
        if (!truth.has(key.toString('latin1'))) source.writer.remove(key, source.hash(key))
      }
      const kept = sources.map((source) => source.writer.count)
      const saved = await Promise.all(sources.map((source) => save(source)))
      assert.deepEqual(
        saved.map(({ result }) => result),
        kept.map((entryCount) => ({ entryCount, isComplete: true })),
      )
      const targets = Array.from({ length: toCount }, () => new StoreFixture(16 << 20))
      const names = saved.map(({ file }) => file)
      for (const [shard, target] of targets.entries()) {
        const result = await restore(target, names, { downMs: 1000, shard, shardCount: toCount })
        assert.deepEqual(result, { entryCount: target.writer.count, isComplete: true })
        target.writer.check()
      }
      const sum = (counts: number[]) => counts.reduce((one, other) => one + other)
      assert.equal(sum(targets.map(({ writer }) => writer.count)), sum(kept))
      for (const source of sources) {
        for (let slot = 1; slot <= source.writer.count; slot++) {
          const entry = source.writer.resident(slot)
          if (!entry) continue
          const key = Buffer.from(entry.key)
          const target = targets[shardOf(source.hash(key), toCount)]!
          const { value, ttlMs } = truth.get(key.toString('latin1'))!
          assert.deepEqual(target.read(key), value)
          const found = target.writer.get(key, target.hash(key))
          assert.equal(found?.ttlLeftMs, ttlMs - (ttlMs === Number.POSITIVE_INFINITY ? 0 : 1000))
        }
      }
    }
  })

  it('takes off what went by while the node was down', async () => {
    const source = new StoreFixture(1 << 20)
    source.put('short', 'a', MINUTE_MS)
    source.put('long', 'b', 60 * MINUTE_MS)
    source.put('forever', 'c')
    source.clock.advance(10_000)
    const { file } = await save(source)
    const target = new StoreFixture(1 << 20)
    await restore(target, [file], { downMs: 50_000 })
    assert.deepEqual(
      ['short', 'long', 'forever'].map((key) => target.text(key)),
      [undefined, 'b', 'c'],
    )
    const key = Buffer.from('long')
    const resident = target.writer.resident(target.writer.slotOf(key, target.hash(key)))
    assert.deepEqual([resident?.ttlLeftMs, resident?.ageMs], [59 * MINUTE_MS, MINUTE_MS])
  })

  it('counts what expires as expired when the clock went back, or is no clock', async () => {
    const source = new StoreFixture(1 << 20)
    source.put('timed', 'a', 60 * MINUTE_MS)
    source.put('forever', 'b')
    const { file } = await save(source)
    for (const downMs of [-1, -SAVED_AT_MS, Number.NaN, 2 ** 52]) {
      const target = new StoreFixture(1 << 20)
      assert.deepEqual(await restore(target, [file], { downMs }), { entryCount: 1, isComplete: true })
      assert.deepEqual([target.text('timed'), target.text('forever')], [undefined, 'b'])
    }
  })

  it('gives a time to live to what had none when the group has one by now', async () => {
    const source = new StoreFixture(1 << 20)
    source.put('forever', 'a')
    source.put('timed', 'b', 60 * MINUTE_MS)
    const { file } = await save(source)
    const target = new StoreFixture(1 << 20)
    await restore(target, [file], { ttlMs: MINUTE_MS })
    const left = (key: string) =>
      target.writer.get(Buffer.from(key), target.hash(Buffer.from(key)))?.ttlLeftMs
    assert.deepEqual([left('forever'), left('timed')], [MINUTE_MS, 60 * MINUTE_MS])
  })

  it('remembers what may be served stale, and leaves out what is stale', async () => {
    const freshness = { staleMs: 60 * MINUTE_MS }
    const source = new StoreFixture(1 << 20, 'lru', undefined, freshness)
    source.put('owned', 'a', 10 * MINUTE_MS, true)
    source.put('borrowed', 'b', 10 * MINUTE_MS)
    source.put('stale', 'c', MINUTE_MS, true)
    source.clock.advance(2 * MINUTE_MS)
    const { file, result } = await save(source)
    assert.equal(result.entryCount, 2)
    const target = new StoreFixture(1 << 20, 'lru', undefined, freshness)
    await restore(target, [file])
    target.clock.advance(9 * MINUTE_MS)
    const stale = (key: string) => target.stale(key, 60 * MINUTE_MS)
    assert.deepEqual([stale('owned'), stale('borrowed'), stale('stale')], ['a', undefined, undefined])
  })

  it('leaves out keys that other nodes own', async () => {
    const source = new StoreFixture(1 << 20)
    for (const key of ['Tom', 'Tim']) source.put(key, 'v')
    const { file } = await save(source)
    const target = new StoreFixture(1 << 20)
    await restore(target, [file], { owns: (key) => Buffer.from(key).toString() === 'Tom' })
    assert.deepEqual([target.text('Tom'), target.text('Tim')], ['v', undefined])
  })

  it('keeps the order: less room keeps what was read last, and later the oldest go first', async () => {
    const source = new StoreFixture(4 << 20)
    for (let i = 0; i < 20_000; i++) source.put(`key${i}`, 'x'.repeat(50))
    assert.ok(source.read('key0'))
    const { file } = await save(source)
    const small = new StoreFixture(1 << 18)
    await restore(small, [file])
    assert.ok(small.read('key0') && small.read('key19999') && !small.read('key1'))
    const same = new StoreFixture(4 << 20)
    await restore(same, [file])
    assert.equal(same.writer.count, 20_000)
    for (let i = 0; same.evicted.count < 100; i++) same.put(`other${i}`, 'x'.repeat(50))
    assert.ok(same.read('key0') && !same.read('key1') && same.read('key10000'))
  })

  it('holds what is worth most when there is no time for all', async () => {
    const source = new StoreFixture(4 << 20)
    for (let i = 0; i < 20_000; i++) source.put(`key${i}`, 'x'.repeat(50))
    const none = await save(source, { timeoutMs: 0 })
    assert.deepEqual(none.result, { entryCount: 0, isComplete: false })
    const target = new StoreFixture(4 << 20)
    assert.deepEqual(await restore(target, [none.file]), { entryCount: 0, isComplete: true })
    source.takeOver()
    const all = await save(source)
    assert.deepEqual(await restore(target, [all.file], { timeoutMs: 0 }), {
      entryCount: 0,
      isComplete: false,
    })
  })

  it('is refused at every length but its own, with one line', async () => {
    const source = new StoreFixture(1 << 16)
    for (const key of ['Tom', 'Tim', 'Tam']) source.put(key, `value of ${key}`, MINUTE_MS)
    const whole = readFileSync((await save(source)).file)
    const file = newFile()
    const target = new StoreFixture(1 << 16)
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length))
      await assert.rejects(restore(target, [file]), { code: 'FAILED_PRECONDITION', message: /^it [^\n]+$/ })
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.alloc(1)]))
    await assert.rejects(restore(target, [file]), { code: 'FAILED_PRECONDITION' })
    assert.equal(target.writer.count, 0)
    writeFileSync(file, whole)
    assert.equal((await restore(target, [file])).entryCount, 3)
  })

  it('is refused with any byte changed', async () => {
    const source = new StoreFixture(1 << 16)
    for (const key of ['Tom', 'Tim']) source.put(key, `value of ${key}`, MINUTE_MS)
    const whole = readFileSync((await save(source)).file)
    const file = newFile()
    const target = new StoreFixture(1 << 16)
    const random = new Prng(seedOf())
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1 + random.below(255)
      writeFileSync(file, damaged)
      await assert.rejects(restore(target, [file]), { code: 'FAILED_PRECONDITION' }, `byte ${at}`)
    }
    assert.equal(target.writer.count, 0)
  })

  it('is refused when a block is missing, doubled or out of place', async () => {
    const source = new StoreFixture(1 << 20)
    for (let i = 0; i < 4; i++) source.put(`key${i}`, Buffer.alloc(40_000, i))
    const whole = readFileSync((await save(source)).file)
    const parts: Buffer[] = []
    for (let at = MAGIC.length; at < whole.length; ) {
      const length = 8 + (whole.readUInt32LE(at + 4) & 0x7fffffff)
      parts.push(whole.subarray(at, at + length))
      at += length
    }
    assert.equal(parts.length, 6)
    const [head, one, two, three, four, tail] = parts as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
    const file = newFile()
    for (const order of [
      [head, one, three, four, tail],
      [head, one, one, two, three, four, tail],
      [head, two, one, three, four, tail],
      [head, one, two, three, three, tail],
      [one, two, three, four, tail],
      [head, one, two, three, four, tail, tail],
    ]) {
      writeFileSync(file, Buffer.concat([MAGIC, ...order]))
      const target = new StoreFixture(1 << 20)
      await assert.rejects(restore(target, [file]), { code: 'FAILED_PRECONDITION' })
      assert.equal(target.writer.count, 0)
    }
  })

  it('is refused when it is of another version, another group or another program, and says so', async () => {
    const file = newFile()
    const target = new StoreFixture(1 << 16)
    const refused = async (bytes: Buffer, message: string) => {
      writeFileSync(file, bytes)
      await assert.rejects(restore(target, [file]), { code: 'FAILED_PRECONDITION', message })
    }
    const head = encodeHead({ group: 'scores', savedAtMs: SAVED_AT_MS })
    head.writeUInt32LE(2, 0)
    await refused(
      Buffer.concat([MAGIC, sealPart(head).bytes]),
      'it is of version 2, and this node reads version 1',
    )
    const other = encodeHead({ group: 'other', savedAtMs: SAVED_AT_MS })
    await refused(Buffer.concat([MAGIC, sealPart(other).bytes]), 'it belongs to group "other"')
    await refused(Buffer.from('GIF89a and more of it'), 'it is no snapshot of this program')
    await refused(Buffer.alloc(0), 'it is no snapshot of this program')
  })

  it('one damaged file of several keeps the others out as well', async () => {
    const source = new StoreFixture(1 << 16)
    source.put('Tom', '630')
    const [good, bad] = [(await save(source)).file, newFile()]
    writeFileSync(bad, readFileSync(good).subarray(0, 30))
    const target = new StoreFixture(1 << 16)
    await assert.rejects(restore(target, [good, bad]), { message: 'it ends too early' })
    assert.equal(target.writer.count, 0)
  })

  it('leaves nothing behind when it cannot be written', async () => {
    const source = new StoreFixture(1 << 16)
    source.put('Tom', '630')
    await assert.rejects(save(source, { file: join(folder, 'no such folder', 'x') }), { code: 'ENOENT' })
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.tmp')),
      [],
    )
  })
})
