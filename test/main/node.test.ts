import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Node, startNode } from '../../src/main/node.js'
import type { GroupOptions, NodeOptions } from '../../src/main/node-options.js'
import { KEY_BYTES_MAX } from '../../src/shared/limits.js'
import type { PolicyName } from '../../src/shared/policy-names.js'
import { GatedGetter } from '../support/gated-getter.js'
import { counterOf } from '../support/group-counters.js'
import { until } from '../support/until.js'

async function start(t: TestContext, options: NodeOptions = {}): Promise<Node> {
  const node = await startNode({ self: '127.0.0.1:0', workers: 2, ...options })
  t.after(() => node.close())
  return node
}

/** A node with one group, whose getter returns the key unless told otherwise. */
async function startGroup(t: TestContext, options: Partial<GroupOptions> = {}) {
  const node = await start(t)
  return { node, group: await node.group('g', { maxBytes: 1 << 20, getter: (key) => key, ...options }) }
}

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

test('a group changes its policy while it serves, and loses nothing', async (t) => {
  const { group } = await startGroup(t, { policy: 'fifo' })
  for (let i = 0; i < 200; i++) await group.get(`key${i}`)
  for (const policy of ['auto', 'lru', 's3fifo'] as const) await group.setPolicy(policy)
  for (let i = 0; i < 200; i++) await group.get(`key${i}`)
  assert.equal(counterOf(group, 'loads'), 200, 'no entry is lost')
  await assert.rejects(group.setPolicy('no-such-policy' as PolicyName), { code: 'INVALID_ARGUMENT' })
})

test('a node warns of a policy that can collapse', async (t) => {
  const lines: unknown[] = []
  const silent = () => {}
  const log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields: object) => void lines.push(fields),
  }
  const node = await start(t, { log })
  for (const policy of ['sieve', 'lru'] as const) {
    await node.group(policy, { maxBytes: 1 << 20, policy, getter: (key) => key })
  }
  assert.deepEqual(lines, [{ group: 'sieve' }])
})

test('get, peek, delete, clear and stats do what they say', async (t) => {
  const { node, group } = await startGroup(t)
  assert.equal(group.peek('Tom'), undefined)
  assert.equal(text(await group.get('Tom')), 'Tom')
  assert.equal(text(await group.get('Tom')), 'Tom')
  assert.equal(text(group.peek('Tom')), 'Tom')
  assert.equal(counterOf(group, 'loads'), 1)
  assert.equal(counterOf(group, 'hits'), 1)
  await group.delete('Tom')
  await group.delete('Tom')
  await group.delete('never there')
  assert.equal(group.peek('Tom'), undefined)
  for (let i = 0; i < 50; i++) await group.get(`key${i}`)
  assert.equal(counterOf(group, 'entries'), 50)
  await group.clear()
  assert.equal(counterOf(group, 'entries'), 0)
  assert.equal(group.peek('key7'), undefined)
  assert.ok(node.stats().some(({ group: name, value }) => name === 'g' && value > 0))
  assert.equal(node.findGroup('g'), group)
  assert.equal(node.findGroup('no such group'), undefined)
})

test('two nodes of one process know nothing of each other', async (t) => {
  const [one, two] = [await start(t), await start(t)]
  const first = await one.group('g', { maxBytes: 1 << 16, getter: () => 'one' })
  const second = await two.group('g', { maxBytes: 1 << 16, getter: () => 'two' })
  assert.equal(text(await first.get('k')), 'one')
  assert.equal(text(await second.get('k')), 'two')
  assert.notEqual(one.self, two.self)
  await one.close()
  assert.equal(text(second.peek('k')), 'two')
  assert.equal(text(await second.get('other')), 'two')
})

test('a name is taken once; a group that could not be made leaves its name free', async (t) => {
  const { node } = await startGroup(t)
  const options = { maxBytes: 4096, getter: () => 'v' }
  await assert.rejects(node.group('g', options), { code: 'ALREADY_EXISTS' })
  const made = await Promise.allSettled([node.group('twice', options), node.group('twice', options)])
  assert.deepEqual(made.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const bad: Partial<GroupOptions>[] = [
    { maxBytes: 2047 },
    { maxBytes: Number.NaN },
    { policy: 'no-such-policy' as PolicyName },
    { ttlMs: 0 },
    { notFoundTtlMs: -1 },
    { loadTimeoutMs: 0 },
    { getter: './no/such/module.js' },
    { getter: { module: new URL('../support/prng.js', import.meta.url) } },
    { getter: { module: new URL('../fixtures/faulty-getter.js', import.meta.url), options: () => {} } },
  ]
  for (const wrong of bad) {
    await assert.rejects(
      node.group('bad', { ...options, ...wrong }),
      { name: 'CacheError', code: 'INVALID_ARGUMENT' },
      JSON.stringify(wrong),
    )
  }
  assert.equal(text(await (await node.group('bad', options)).get('k')), 'v')
})

test('a removed group answers no more, and its name and memory are free', async (t) => {
  const { node, group } = await startGroup(t)
  await group.get('k')
  assert.equal(await node.removeGroup('g'), true)
  assert.equal(await node.removeGroup('g'), false)
  for (const call of [group.get('k'), group.delete('k'), group.clear()])
    await assert.rejects(call, { code: 'FAILED_PRECONDITION' })
  assert.throws(() => group.peek('k'), { code: 'FAILED_PRECONDITION' })
  const again = await node.group('g', { maxBytes: 1 << 16, getter: () => 'new' })
  assert.equal(again.peek('k'), undefined)
  assert.equal(text(await again.get('k')), 'new')
})

test('a load that is under way when its group is removed may still end well', async (t) => {
  const getter = new GatedGetter()
  const { node, group } = await startGroup(t, { getter: getter.get })
  const value = group.get('k').then(text, (error) => error.code)
  const load = await getter.begun(1)
  const removed = node.removeGroup('g')
  load.resolve('v')
  await removed
  assert.ok(['v', 'FAILED_PRECONDITION'].includes((await value) ?? ''))
})

test('close() may be repeated; what is under way rejects, and whatever comes later', async (t) => {
  const getter = new GatedGetter()
  const { node, group } = await startGroup(t, { getter: getter.get })
  const inFlight = group.get('k')
  inFlight.catch(() => {})
  const { context } = await getter.begun(1)
  await Promise.all([node.close(), node.close()])
  await node.close()
  await assert.rejects(inFlight, { code: 'FAILED_PRECONDITION' })
  assert.equal(context.signal.aborted, true)
  await assert.rejects(group.get('k'), { code: 'FAILED_PRECONDITION' })
  assert.throws(() => node.group('new', { maxBytes: 4096, getter: () => '' }), {
    code: 'FAILED_PRECONDITION',
  })
})

test('keys are bytes: any, long, and not to be confused with each other', async (t) => {
  const { group } = await startGroup(t, {
    maxBytes: 4 << 20,
    getter: (_, { keyBytes }) => Buffer.from(keyBytes).toString('hex').slice(0, 100),
  })
  const keys = [[0], [0, 0], [255, 254], [0xc3, 0x28], [0xef, 0xbf, 0xbd]].map((bytes) =>
    Uint8Array.from(bytes),
  )
  for (const key of keys) {
    assert.equal(text(await group.get(key)), Buffer.from(key).toString('hex'))
    assert.equal(text(group.peek(key)), Buffer.from(key).toString('hex'))
  }
  assert.equal(counterOf(group, 'loads'), keys.length)
  const long = 'k'.repeat(KEY_BYTES_MAX)
  await group.get(long)
  assert.ok(group.peek(long))
  for (const key of ['', new Uint8Array(0), `${long}k`]) {
    await assert.rejects(group.get(key), { code: 'INVALID_ARGUMENT' })
    await assert.rejects(group.delete(key), { code: 'INVALID_ARGUMENT' })
  }
  for (const key of [undefined, null, 5, {}])
    await assert.rejects(group.get(key as unknown as string), { code: 'INVALID_ARGUMENT' })
})

test('neither a key nor a value depends on a buffer that somebody uses again', async (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(8))
  const { group } = await startGroup(t, {
    getter: (key) => {
      shared.fill(key.charCodeAt(0))
      return shared
    },
  })
  const key = Buffer.alloc(1)
  for (const letter of ['a', 'b']) {
    key[0] = letter.charCodeAt(0)
    const value = group.get(key)
    key[0] = 0
    assert.equal(text(await value), letter.repeat(8))
  }
  const mine = await group.get('a')
  mine.fill(0)
  shared.fill(0)
  assert.equal(text(await group.get('a')), 'aaaaaaaa')
  assert.equal(text(group.peek('b')), 'bbbbbbbb')
  assert.equal(mine.buffer instanceof ArrayBuffer, true)
})

test('"not found" is remembered for notFoundTtlMs, by default not at all', async (t) => {
  let loads = 0
  const getter = (key: string) => {
    loads++
    return key === 'own' ? { value: null, notFoundTtlMs: 60_000 } : null
  }
  const { node, group } = await startGroup(t, { getter })
  for (let i = 0; i < 3; i++) await assert.rejects(group.get('k'), { code: 'NOT_FOUND' })
  assert.equal(loads, 3)
  for (let i = 0; i < 3; i++) await assert.rejects(group.get('own'), { code: 'NOT_FOUND' })
  assert.equal(loads, 4)
  assert.equal(group.peek('own'), undefined)
  const remembering = await node.group('r', { maxBytes: 1 << 16, getter, notFoundTtlMs: 60_000 })
  for (let i = 0; i < 3; i++) await assert.rejects(remembering.get('k'), { code: 'NOT_FOUND' })
  assert.equal(loads, 5)
  assert.equal(counterOf(remembering, 'not_found'), 1)
  await remembering.delete('k')
  await assert.rejects(remembering.get('k'), { code: 'NOT_FOUND' })
  assert.equal(loads, 6)
})

test('values live for the ttl of the group, or their own', async (t) => {
  const { group } = await startGroup(t, {
    ttlMs: 60,
    getter: (key) =>
      key === 'long' ? { value: key, ttlMs: 60_000 } : key === 'never' ? { value: key, ttlMs: 0 } : key,
  })
  await Promise.all(['short', 'long', 'never'].map((key) => group.get(key)))
  assert.equal(group.peek('never'), undefined)
  await until('the short one is gone without a read', () => counterOf(group, 'expirations') === 1)
  assert.equal(group.peek('short'), undefined)
  assert.equal(text(group.peek('long')), 'long')
  assert.equal(text(await group.get('short')), 'short')
  assert.equal(counterOf(group, 'loads'), 4)
})

test('a value too large to keep is served and counted, and the others stay', async (t) => {
  const { group } = await startGroup(t, {
    maxBytes: 1 << 20,
    getter: (key) => (key === 'large' ? new Uint8Array(200_000) : key),
  })
  await group.get('small')
  for (let i = 0; i < 2; i++) assert.equal((await group.get('large')).length, 200_000)
  assert.equal(counterOf(group, 'oversize'), 2)
  assert.equal(group.peek('large'), undefined)
  assert.equal(text(group.peek('small')), 'small')
})

test('a group of 2048 bytes works and stays within them', async (t) => {
  const { group } = await startGroup(t, { maxBytes: 2048 })
  for (let i = 0; i < 300; i++) {
    assert.equal(text(await group.get(`key${i}`)), `key${i}`)
    assert.ok(counterOf(group, 'bytes') <= 2048)
  }
  assert.equal(counterOf(group, 'max_bytes'), 2048)
  assert.ok(counterOf(group, 'entries') >= 20 && counterOf(group, 'evictions') > 200)
})

test('10 000 calls for one missing key make one load', async (t) => {
  const getter = new GatedGetter()
  const { group } = await startGroup(t, { getter: getter.get })
  const values = Array.from({ length: 10_000 }, () => group.get('k'))
  ;(await getter.begun(1)).resolve('v')
  assert.deepEqual(new Set((await Promise.all(values)).map(text)), new Set(['v']))
  assert.equal(getter.loads.length, 1)
  assert.equal(counterOf(group, 'coalesced'), 9999)
})

test('a delete or a clear during a load wins: the waiters get the value, nobody else does', async (t) => {
  const getter = new GatedGetter()
  const { group } = await startGroup(t, { getter: getter.get })
  for (const [round, remove] of [() => group.delete('k'), () => group.clear()].entries()) {
    const before = group.get('k')
    const old = await getter.begun(2 * round + 1)
    await remove()
    const after = group.get('k')
    const fresh = await getter.begun(2 * round + 2)
    old.resolve('old')
    assert.equal(text(await before), 'old')
    assert.equal(group.peek('k'), undefined)
    fresh.resolve('new')
    assert.equal(text(await after), 'new')
    assert.equal(text(group.peek('k')), 'new')
    await group.delete('k')
  }
})

test('a node that cannot start says why and leaves nothing behind', async (t) => {
  const node = await start(t)
  await assert.rejects(startNode({ self: node.self }), { code: 'FAILED_PRECONDITION' })
  await assert.rejects(
    startNode({ self: '127.0.0.1:0', groups: { g: { maxBytes: 4096, getter: './none.js' } } }),
    { code: 'INVALID_ARGUMENT' },
  )
  const wrong: NodeOptions[] = [
    { self: 'no address' },
    { workers: 0 },
    { workers: 1.5 },
    { etcd: { hosts: [] } },
    { peers: ['127.0.0.1:1'], etcd: { hosts: ['127.0.0.1:2'] } },
    { keyBytesMax: 0 },
    { valueBytesMax: 2 ** 40 },
  ]
  for (const options of wrong) await assert.rejects(startNode(options), { code: 'INVALID_ARGUMENT' })
})

test('a process that closes its node ends by itself', async () => {
  const program = fileURLToPath(new URL('../fixtures/node-that-closes.js', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 10_000 })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
  assert.match(output, /^used (FAILED_PRECONDITION|UNAVAILABLE)$/)
})
