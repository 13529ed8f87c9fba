import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { Group } from '../../src/main/group.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { GroupOptions } from '../../src/main/node-options.js'
import {
  createGetter,
  NATIVE_SLEEP_FILE,
  NATIVE_SLEEP_MS,
  VALUE_BYTES_MAX,
  Word,
} from '../fixtures/faulty-getter.js'
import { GatedGetter } from '../support/gated-getter.js'
import { counterOf, shardOfMiss } from '../support/group-counters.js'
import { until } from '../support/until.js'

type Kind = 'function' | 'module'

const STALL_MS = 300

interface Faulty {
  readonly node: Node
  readonly group: Group
  /** Shared with the getter: see Word. */
  readonly words: Int32Array
  heal(): void
}

async function startFaulty(t: TestContext, kind: Kind, options: Partial<GroupOptions> = {}): Promise<Faulty> {
  const control = new SharedArrayBuffer(64)
  const words = new Int32Array(control)
  const node = await startNode({
    self: '127.0.0.1:0',
    workers: 2,
    workerStallMs: STALL_MS,
    valueBytesMax: VALUE_BYTES_MAX,
  })
  t.after(() => node.close())
  const module = new URL('../fixtures/faulty-getter.js', import.meta.url)
  const getter = kind === 'function' ? createGetter({ control }) : { module, options: { control } }
  const group = await node.group('faulty', { maxBytes: 1 << 20, getter, ...options })
  return { node, group, words, heal: () => void Atomics.store(words, Word.HEALED, 1) }
}

async function text(value: Promise<Uint8Array>): Promise<string> {
  return Buffer.from(await value).toString()
}

/** Loads keys that behave, and returns those of one shard. */
async function warm(group: Group): Promise<Map<number, string[]>> {
  const keys = new Map<number, string[]>([
    [0, []],
    [1, []],
  ])
  for (let i = 0; i < 30; i++) {
    const { shard, result } = shardOfMiss(group, () => group.get(`good:${i}`))
    await result
    keys.get(shard)!.push(`good:${i}`)
  }
  return keys
}

const FAILING = {
  throw: 'UNKNOWN',
  reject: 'UNKNOWN',
  'throw-undefined': 'UNKNOWN',
  undefined: 'UNKNOWN',
  number: 'UNKNOWN',
  array: 'UNKNOWN',
  object: 'UNKNOWN',
  function: 'UNKNOWN',
  'number-value': 'UNKNOWN',
  'negative-ttl': 'UNKNOWN',
  'nan-ttl': 'UNKNOWN',
  'text-ttl': 'UNKNOWN',
  'too-large': 'RESOURCE_EXHAUSTED',
  hang: 'DEADLINE_EXCEEDED',
} as const

for (const kind of ['function', 'module'] as const) {
  test(`a ${kind} getter that fails fails that call alone, and its key can be loaded again`, async (t) => {
    const { group, words, heal } = await startFaulty(t, kind, { loadTimeoutMs: 60, ttlMs: 60_000 })
    const faults = Object.entries(FAILING)
    const failures = faults.map(([fault, code]) =>
      assert.rejects(group.get(`${fault}:1`), { name: 'CacheError', code }, fault),
    )
    assert.equal(await text(group.get('good:1')), 'value of good:1')
    await Promise.all(failures)
    assert.equal(counterOf(group, 'load_errors'), faults.length)
    assert.equal(counterOf(group, 'entries'), 1)
    await until('the hanging getter hears that its time is up', () => words[Word.ABORTED] === 1)

    heal()
    for (const [fault] of faults) assert.equal(await text(group.get(`${fault}:1`)), `value of ${fault}:1`)
    assert.equal(counterOf(group, 'loads'), 2 * faults.length + 1)
    assert.equal(counterOf(group, 'shard_restarts'), 0)
  })

  test(`a ${kind} getter that hangs for ever is left alone when its callers have gone`, async (t) => {
    const { group, words, heal } = await startFaulty(t, kind)
    const controller = new AbortController()
    const [hasty, leaving] = [
      group.get('hang:1', { deadlineMs: 40 }),
      group.get('hang:1', { signal: controller.signal }),
    ]
    await assert.rejects(hasty, { code: 'DEADLINE_EXCEEDED' })
    assert.equal(words[Word.ABORTED], 0, 'one still waits')
    controller.abort()
    await assert.rejects(leaving, { code: 'CANCELLED' })
    await until('the getter hears that nobody waits', () => words[Word.ABORTED] === 1)
    heal()
    assert.equal(await text(group.get('hang:1')), 'value of hang:1')
    assert.equal(words[Word.LOADS], 2)
  })
}

test('a caller that comes with an aborted signal, or no time, loads nothing', async (t) => {
  const { group, words } = await startFaulty(t, 'function')
  await assert.rejects(group.get('good:1', { signal: AbortSignal.abort() }), { code: 'CANCELLED' })
  assert.equal(await text(group.get('good:2')), 'value of good:2')
  assert.equal(words[Word.LOADS], 1)
})

for (const fault of ['exit', 'uncaught', 'unhandled', 'block'] as const) {
  test(`a getter that ends or blocks its thread (${fault}) costs the loads of that shard, and nothing else`, async (t) => {
    const { group, words, heal } = await startFaulty(t, 'module')
    const keys = await warm(group)
    const controller = new AbortController()
    const hanging = Array.from({ length: 8 }, (_, i) =>
      shardOfMiss(group, () => group.get(`hang:${i}`, { signal: controller.signal })),
    )
    for (const { result } of hanging) result.catch(() => {})
    const loads = words[Word.LOADS]! + hanging.length
    await until('the loads are under way', () => words[Word.LOADS] === loads)

    const { shard, result } = shardOfMiss(group, () => group.get(`${fault}:1`))
    const other = 1 - shard
    result.catch(() => {})
    await until('the fault is under way', () => words[Word.LOADS] === loads + 1)
    for (const key of keys.get(shard)!) assert.ok(group.peek(key), 'hits are served without the thread')
    assert.equal(await text(group.get(keys.get(shard)![0]!)), `value of ${keys.get(shard)![0]}`)

    await assert.rejects(result, { code: 'UNAVAILABLE', retryable: true })
    for (const key of keys.get(shard)!) assert.ok(group.peek(key), 'hits are served while there is no thread')
    for (const { shard: hangingShard, result: lost } of hanging)
      if (hangingShard === shard) await assert.rejects(lost, { code: 'UNAVAILABLE' })
    heal()
    assert.equal(await text(group.get(`${fault}:1`)), `value of ${fault}:1`)
    assert.equal(counterOf(group, 'shard_restarts', shard), 1)
    assert.equal(counterOf(group, 'shard_restarts', other), 0)
    assert.equal(counterOf(group, 'entries'), 31, 'no entry was lost')

    controller.abort()
    for (const { shard: hangingShard, result: others } of hanging)
      if (hangingShard === other) await assert.rejects(others, { code: 'CANCELLED' })
  })
}

test('while a getter blocks its thread, the other shard goes on loading', async (t) => {
  const { group, words } = await startFaulty(t, 'module')
  const { shard, result } = shardOfMiss(group, () => group.get('block:1'))
  result.catch(() => {})
  await until('the thread is blocked', () => words[Word.LOADS] === 1)
  let loaded = 0
  for (let i = 0; loaded < 5; i++) {
    const attempt = shardOfMiss(group, () => group.get(`good:${i}`))
    if (attempt.shard === shard) attempt.result.catch(() => {})
    else loaded += (await text(attempt.result)) === `value of good:${i}` ? 1 : 0
  }
  assert.equal(counterOf(group, 'shard_restarts'), 0, 'all that before the blocked thread was replaced')
  await assert.rejects(result, { code: 'UNAVAILABLE' })
})

test('a thread that dies under a getter function: the getter hears of it, the call may be repeated', async (t) => {
  const { node, group, words, heal } = await startFaulty(t, 'function')
  const { shard, result } = shardOfMiss(group, () => group.get('hang:1'))
  result.catch(() => {})
  await until('the load is under way', () => words[Word.LOADS] === 1)
  node.killWorker(shard)
  await assert.rejects(result, { code: 'UNAVAILABLE', retryable: true })
  assert.equal(words[Word.ABORTED], 1)
  heal()
  assert.equal(await text(group.get('hang:1')), 'value of hang:1')
})

test('a value that a getter function brings for a dead thread is not taken for one of its successor', async (t) => {
  const getter = new GatedGetter()
  const { node, group } = await startFaulty(t, 'function', { getter: getter.get })
  const { shard, result } = shardOfMiss(group, () => group.get('old:0'))
  result.catch(() => {})
  const old = await getter.begun(1)
  node.killWorker(shard)
  await assert.rejects(result, { code: 'UNAVAILABLE' })
  const later = Array.from({ length: 20 }, (_, i) => text(group.get(`new:${i}`)))
  await getter.begun(21)
  old.resolve('value of old:0')
  // A turn of the event loop and a half, so that a wrong answer could get through.
  await until('the old getter has ended', () => old.context.signal.aborted)
  await group.delete('sent after the old value')
  for (const load of getter.loads.slice(1)) load.resolve(`value of ${load.key}`)
  assert.deepEqual(
    await Promise.all(later),
    later.map((_, i) => `value of new:${i}`),
  )
})

test('deletes and clears that a dying thread has not carried out are not confirmed', async (t) => {
  const { node, group } = await startFaulty(t, 'function')
  await group.get('good:1')
  node.killWorker(0)
  node.killWorker(1)
  const results = await Promise.allSettled([group.delete('good:1'), group.clear()])
  for (const result of results) {
    if (result.status === 'rejected') assert.equal(result.reason.code, 'UNAVAILABLE')
    else assert.equal(group.peek('good:1'), undefined)
  }
  await group.delete('good:1')
  assert.equal(group.peek('good:1'), undefined)
})

test('the next thread starts only when the one before has really ended', async (t) => {
  const { node, group, words } = await startFaulty(t, 'module')
  const { shard, result } = shardOfMiss(group, () => group.get('native-sleep:1'))
  result.catch(() => {})
  t.after(() => rmSync(NATIVE_SLEEP_FILE, { force: true }))
  await until('the thread is within a call that cannot be interrupted', () => existsSync(NATIVE_SLEEP_FILE))
  node.killWorker(shard)
  await assert.rejects(result, { code: 'UNAVAILABLE' })
  Atomics.store(words, Word.HEALED, 1)
  assert.equal(await text(group.get('native-sleep:1')), 'value of native-sleep:1')
  const pauseMs = words[Word.CREATED_AT]! - words[Word.SLEPT_AT]!
  assert.ok(pauseMs >= NATIVE_SLEEP_MS - 20, `the successor came after ${pauseMs} ms`)
  assert.equal(words[Word.CREATED], 3)
})

test('a shard whose threads die again and again comes back every time, with its entries', async (t) => {
  const { node, group } = await startFaulty(t, 'module')
  await warm(group)
  for (let round = 1; round <= 3; round++) {
    for (const shard of [0, 1]) node.killWorker(shard)
    await until('both threads were replaced', () => counterOf(group, 'shard_restarts') === 2 * round)
    assert.equal(await text(group.get(`new:${round}`)), `value of new:${round}`)
    for (let i = 0; i < 30; i++) assert.ok(group.peek(`good:${i}`))
  }
})
