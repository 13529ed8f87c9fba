import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Group } from '../../src/main/group.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { GroupOptions, NodeOptions } from '../../src/main/node-options.js'
import { counterOf } from '../support/group-counters.js'
import { tempFolder } from '../support/temp-folder.js'
import { until } from '../support/until.js'

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

async function start(t: TestContext, options: NodeOptions = {}): Promise<Node> {
  const node = await startNode({ self: '127.0.0.1:0', workers: 2, ...options })
  t.after(() => node.close())
  return node
}

async function startGroup(t: TestContext, options: Partial<GroupOptions> = {}) {
  const node = await start(t)
  const group = await node.group('g', { maxBytes: 1 << 20, getter: (key) => `value of ${key}`, ...options })
  return { node, group }
}

async function fill(group: Group, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => group.get(`key${i}`)))
}

describe('A group that is resized', () => {
  it('keeps its entries when it grows, and the newest of them when it shrinks', async (t) => {
    const { group } = await startGroup(t)
    await fill(group, 5000)
    assert.equal(counterOf(group, 'entries'), 5000)
    await group.resize(4 << 20)
    assert.equal(counterOf(group, 'max_bytes'), 4 << 20)
    assert.equal(counterOf(group, 'entries'), 5000)
    for (let i = 0; i < 5000; i++) assert.equal(text(group.peek(`key${i}`)), `value of key${i}`)
    await group.resize(1 << 17)
    assert.equal(counterOf(group, 'max_bytes'), 1 << 17)
    const entries = counterOf(group, 'entries')
    assert.ok(entries > 1000 && entries < 2500, `${entries} entries`)
    assert.ok(counterOf(group, 'bytes') <= 1 << 17)
    assert.equal(counterOf(group, 'evictions'), 5000 - entries)
    assert.equal(counterOf(group, 'loads'), 5000)
    await group.get('new')
    assert.equal(text(group.peek('new')), 'value of new')
  })

  it('shows no wrong value to anyone while it moves', async (t) => {
    let version = 0
    const { group } = await startGroup(t, { maxBytes: 4 << 20, getter: (key) => `${key} ${version}` })
    await fill(group, 8000)
    for (const maxBytes of [8 << 20, 2 << 20, 4 << 20]) {
      version++
      let isMoving = true
      const resized = group.resize(maxBytes).finally(() => {
        isMoving = false
      })
      for (let i = 0; isMoving; i++) {
        const key = `key${(i * 37) % 8000}`
        await group.delete(key)
        assert.equal(group.peek(key), undefined, 'deleted in both memories')
        assert.equal(text(await group.get(key)), `${key} ${version}`)
        const seen = text(group.peek(key))
        assert.ok(seen === undefined || seen === `${key} ${version}`)
      }
      await resized
    }
  })

  it('stays as it was when an owner dies on the way, and can be resized then', async (t) => {
    const { node, group } = await startGroup(t, { maxBytes: 16 << 20 })
    await fill(group, 20_000)
    const resized = assert.rejects(group.resize(32 << 20), { code: 'UNAVAILABLE' })
    node.killWorker(1)
    await resized
    await until('the new owner works', () =>
      group.clear().then(
        () => true,
        () => false,
      ),
    )
    assert.equal(counterOf(group, 'max_bytes'), 16 << 20)
    await fill(group, 100)
    for (let i = 0; i < 100; i++) assert.equal(text(group.peek(`key${i}`)), `value of key${i}`)
    await group.resize(32 << 20)
    assert.equal(counterOf(group, 'max_bytes'), 32 << 20)
    for (let i = 0; i < 100; i++) assert.equal(text(group.peek(`key${i}`)), `value of key${i}`)
  })

  it('is taken over in its new memory by an owner that comes later', async (t) => {
    const { node, group } = await startGroup(t)
    await fill(group, 1000)
    await group.resize(2 << 20)
    node.killWorker(0)
    node.killWorker(1)
    await until('both owners were replaced', () => counterOf(group, 'shard_restarts') === 2)
    for (let i = 0; i < 1000; i++) assert.equal(text(group.peek(`key${i}`)), `value of key${i}`)
    await until('the new owners work', () =>
      group.delete('key7').then(
        () => true,
        () => false,
      ),
    )
    assert.equal(group.peek('key7'), undefined)
    await until('it is counted', () => counterOf(group, 'entries') === 999)
    assert.equal(counterOf(group, 'max_bytes'), 2 << 20)
  })

  it('gives back the index of many small entries when it is resized to the size that it has', async (t) => {
    const getter = (key: string) => (key.startsWith('large') ? 'x'.repeat(2000) : key)
    const { group } = await startGroup(t, { maxBytes: 1 << 18, getter })
    const load = (name: string, count: number) =>
      Promise.all(Array.from({ length: count }, (_, i) => group.get(`${name}${i}`)))
    await load('small', 4000)
    await load('large', 400)
    const before = counterOf(group, 'entries')
    await group.resize(1 << 18)
    await load('large', 400)
    const after = counterOf(group, 'entries')
    assert.ok(after > 1.2 * before, `${before} large entries before, ${after} after`)
  })

  it('refuses what cannot be', async (t) => {
    const { group } = await startGroup(t)
    for (const maxBytes of [0, -1, Number.NaN, 4095]) {
      await assert.rejects(group.resize(maxBytes), { code: 'INVALID_ARGUMENT', message: /maxBytes/ })
    }
    await fill(group, 3000)
    const first = group.resize(1 << 21)
    await assert.rejects(group.resize(1 << 22), { code: 'FAILED_PRECONDITION' })
    await first
    assert.equal(counterOf(group, 'max_bytes'), 1 << 21)
    group.close()
    await assert.rejects(group.resize(1 << 22), { code: 'FAILED_PRECONDITION' })
  })
})

describe('A group that is asked', () => {
  it('explains a key from memory and leaves no trace', async (t) => {
    const { node, group } = await startGroup(t, {
      getter: (key) =>
        key === 'gone' ? { value: null, notFoundTtlMs: 60_000 } : { value: key, ttlMs: 60_000 },
    })
    await group.get('Tom')
    await assert.rejects(group.get('gone'), { code: 'NOT_FOUND' })
    const tom = await group.explain('Tom')
    assert.equal(tom.owner, node.self)
    assert.deepEqual([tom.isOwned, tom.present, tom.notFound, tom.valueBytes], [true, true, false, 3])
    assert.ok(tom.costBytes > 3 + 3 + 8)
    assert.ok(tom.ttlLeftMs! > 0 && tom.ttlLeftMs! + tom.ageMs! === 60_000)
    const gone = await group.explain(Buffer.from('gone'))
    assert.deepEqual([gone.present, gone.notFound, gone.valueBytes], [true, true, 0])
    const never = await group.explain('never')
    assert.deepEqual([never.present, never.hits, never.costBytes], [false, undefined, 0])
    assert.equal(counterOf(group, 'loads'), 2)
    await assert.rejects(group.explain(''), { code: 'INVALID_ARGUMENT' })
    await group.clear()
    assert.equal((await group.explain('Tom')).present, false)
  })

  it('names the owner of a key that lives elsewhere', async (t) => {
    const node = await start(t, { peers: ['127.0.0.1:1'] })
    const group = await node.group('g', { maxBytes: 1 << 20, getter: (key) => key })
    const owners = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { owner, isOwned } = await group.explain(`key${i}`)
        assert.equal(owner, node.owners(`key${i}`)[0])
        assert.equal(isOwned, owner === node.self)
        return owner
      }),
    )
    assert.deepEqual([...new Set(owners)].sort(), ['127.0.0.1:1', node.self].sort())
  })

  it('tells its hot keys, those that readers hit in shared memory among them', async (t) => {
    const { group } = await startGroup(t)
    await fill(group, 1000)
    // The rings of hints are small: now and then the owner has to empty them.
    for (let round = 0; round < 3; round++) {
      const before = (await group.explain('key3')).hits ?? 0
      for (let i = 0; i < 100; i++) for (const key of ['key3', 'key4', 'key3']) group.peek(key)
      await until('the hints have come', async () => ((await group.explain('key3')).hits ?? 0) > before + 50)
    }
    const hot = await group.hotKeys(2)
    assert.deepEqual(
      hot.map(({ key }) => text(key)),
      ['key3', 'key4'],
    )
    assert.ok(hot[0]!.hits > hot[1]!.hits)
    assert.ok((await group.hotKeys()).length <= 32)
    for (const count of [0, -1, 1.5, 4097, Number.NaN]) {
      await assert.rejects(group.hotKeys(count), { code: 'INVALID_ARGUMENT' })
    }
  })

  it('counts its entries by size of their value', async (t) => {
    const { group } = await startGroup(t, { getter: (key) => 'x'.repeat(Number(key)) })
    for (const size of [0, 16, 17, 32, 33, 1024, 1025]) await group.get(String(size))
    const sizes = () =>
      group
        .stats()
        .filter(({ name, value }) => name.startsWith('value_bytes_le_') && value > 0)
        .map(({ name, value }) => [Number(name.slice('value_bytes_le_'.length)), value] as const)
        .reduce((sums, [bound, value]) => sums.set(bound, (sums.get(bound) ?? 0) + value), new Map())
    const total = () => [...sizes().values()].reduce((one, other) => one + other, 0)
    await until('the owner has counted', () => total() === 7)
    assert.deepEqual(
      [...sizes()].sort(([one], [other]) => one - other),
      [
        [16, 2],
        [32, 2],
        [64, 1],
        [1024, 1],
        [2048, 1],
      ],
    )
    await group.delete('1025')
    await until('the owner has counted', () => total() === 6)
    await group.clear()
    await until('the owner has counted', () => total() === 0)
  })
})

describe('A node with snapshots', () => {
  const folder = tempFolder()
  const files = () =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('snapshot'))

  interface Line {
    readonly level: string
    readonly message: string
    readonly reason?: string
    readonly entries?: number
  }

  /** A node with group `g`, whose getter tells how often it ran; with what it logs. */
  async function startWarm(t: TestContext, options: NodeOptions = {}) {
    const lines: Line[] = []
    const write = (level: string) => (fields: object, message: string) =>
      lines.push({ ...fields, level, message })
    const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
    const getter = (key: string) => `value of ${key}`
    const groups = { g: { maxBytes: 1 << 20, getter } }
    const node = await start(t, { snapshotDir: folder, log, groups, ...options })
    return { node, group: node.findGroup('g')!, lines }
  }

  it('serves after a restart what it served before, and uses a snapshot once', async (t) => {
    const first = await startWarm(t)
    const { self } = first.node
    await fill(first.group, 2000)
    await first.node.close()
    assert.equal(files().length, 2)
    const second = await startWarm(t, { self, workers: 3 })
    assert.deepEqual(files(), [], 'what is deleted from now on cannot come back')
    assert.equal(second.lines.find(({ message }) => message === 'Loaded a snapshot')?.entries, 2000)
    for (let i = 0; i < 2000; i++) assert.equal(text(second.group.peek(`key${i}`)), `value of key${i}`)
    assert.equal(counterOf(second.group, 'entries'), 2000)
    await second.group.delete('key7')
    await second.node.close()
    assert.equal(files().length, 3)
    const third = await startWarm(t, { self, workers: 1 })
    assert.equal(counterOf(third.group, 'entries'), 1999)
    assert.equal(third.group.peek('key7'), undefined)
  })

  it('starts cold, with one line that says why, when a file is damaged', async (t) => {
    const first = await startWarm(t)
    const { self } = first.node
    await fill(first.group, 100)
    await first.node.close()
    const name = files()
      .map((file) => join(folder, file))
      .find((file) => file.includes(self.replace(':', '_')) && file.endsWith('.0.snapshot'))!
    const bytes = readFileSync(name)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(name, bytes)
    const second = await startWarm(t, { self })
    const warnings = second.lines.filter(({ level }) => level === 'warn')
    assert.deepEqual(
      warnings.map(({ message, reason }) => [message, reason]),
      [['Snapshot refused; the group starts empty', 'it is damaged']],
    )
    assert.equal(counterOf(second.group, 'entries'), 0)
    assert.equal(text(await second.group.get('key1')), 'value of key1')
  })

  it('lets no entry in that another node owns', async (t) => {
    const first = await startWarm(t)
    const { self } = first.node
    await fill(first.group, 500)
    await first.node.close()
    const second = await startWarm(t, { self, peers: ['127.0.0.1:1'] })
    const owned = Array.from({ length: 500 }, (_, i) => `key${i}`).filter(
      (key) => second.node.owners(key)[0] === self,
    )
    await until('the rest was swept', () => counterOf(second.group, 'entries') === owned.length)
    assert.ok(owned.length > 0 && owned.length < 500)
    for (const key of owned) assert.equal(text(second.group.peek(key)), `value of ${key}`)
    const late = await second.node.group('late', { maxBytes: 1 << 20, getter: (key) => key })
    assert.equal(counterOf(late, 'entries'), 0)
  })

  it('does not start when it could not write', async () => {
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    await assert.rejects(startNode({ self: '127.0.0.1:0', snapshotDir: file }), {
      code: 'INVALID_ARGUMENT',
      message: /^Cannot write snapshots to /,
    })
  })

  it('ends in time when a shard does not answer', async (t) => {
    const { node, group, lines } = await startWarm(t, { snapshotTimeoutMs: 1, workers: 1 })
    await fill(group, 100)
    await node.close()
    assert.ok(lines.some(({ message }) => /^(Wrote a snapshot|Snapshot not written)/.test(message)))
  })
})
