import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { FALLBACK_TTL_MS } from '../../src/shared/limits.js'
import { GatedGetter } from '../support/gated-getter.js'
import { counterOf } from '../support/group-counters.js'
import { freeAddresses, keyOf, startRing, startRingNode } from '../support/ring-fixture.js'

const PROGRAM = new URL('../fixtures/ring-node.js', import.meta.url)

/** A member of a ring in a process of its own; killed with the test. */
async function forkNode(t: TestContext, self: string, peers: readonly string[]): Promise<ChildProcess> {
  const child = fork(PROGRAM, [self, ...peers], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
  await once(child, 'message')
  return child
}

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

test('10 000 calls for one missing key, spread over three nodes, make one load in the whole ring', async (t) => {
  const getter = new GatedGetter()
  const ring = await startRing(t, 3, { getter: getter.get })
  const values = Array.from({ length: 10_000 }, (_, i) => ring[i % 3]!.group.get('k'))
  ;(await getter.begun(1)).resolve('v')
  assert.deepEqual(new Set((await Promise.all(values)).map(text)), new Set(['v']))
  assert.equal(getter.loads.length, 1)
  assert.equal(ring.filter(({ loads }) => loads.length === 1).length, 1)
})

test('a key lives at its owner alone, whoever was asked for it', async (t) => {
  const ring = await startRing(t, 3)
  const [a, b] = [ring[0]!, ring[1]!]
  const key = keyOf(a.node, [b.node.self])
  for (const { group } of ring) assert.equal(text(await group.get(key)), `${key} from ${b.node.self}`)
  assert.equal(text(b.group.peek(key)), `${key} from ${b.node.self}`)
  assert.equal(a.group.peek(key), undefined)
  assert.equal(b.loads.length, 1)
  assert.equal(counterOf(a.group, 'peer_gets'), 1)
})

test('"not found" at the owner is an answer: no other source is asked', async (t) => {
  const ring = await startRing(t, 3, { notFoundTtlMs: 60_000 })
  const [a, b] = [ring[0]!, ring[1]!]
  const key = keyOf(a.node, [b.node.self], 'missing')
  for (let i = 0; i < 3; i++) await assert.rejects(a.group.get(key), { code: 'NOT_FOUND' })
  assert.deepEqual(
    ring.map(({ loads }) => loads.length),
    [0, 1, 0],
  )
  assert.equal(counterOf(a.group, 'peer_errors'), 0)
})

test('a getter that fails at the owner is an answer, too', async (t) => {
  const ring = await startRing(t, 2, {
    getter: () => {
      throw new Error('out of order')
    },
  })
  const [a, b] = [ring[0]!, ring[1]!]
  await assert.rejects(a.group.get(keyOf(a.node, [b.node.self])), {
    code: 'UNKNOWN',
    message: /out of order/,
  })
  assert.equal(a.loads.length + b.loads.length, 1)
})

test('a call that was forwarded is not forwarded again, though the rings disagree', async (t) => {
  const peers = await freeAddresses(2)
  const a = await startRingNode(t, { self: peers[0]!, peers, replicas: 150 })
  const b = await startRingNode(t, { self: peers[1]!, peers, replicas: 7 })
  const key = Array.from({ length: 10_000 }, (_, i) => `key${i}`).find(
    (name) => a.node.owners(name)[0] === b.node.self && b.node.owners(name)[0] === a.node.self,
  )!
  const answer = await a.group.fetch(Buffer.from(key))
  assert.equal(answer.answeredBy, b.node.self)
  assert.ok(answer.ttlLeftMs <= FALLBACK_TTL_MS, 'kept for a short while by who does not own it')
  assert.equal(text(await b.group.get(key)), `${key} from ${a.node.self}`)
  assert.equal(a.loads.length, 1)
  assert.equal(b.loads.length, 1)
})

test('a delete anywhere removes the key at its owner', async (t) => {
  const ring = await startRing(t, 3)
  const [a, b] = [ring[0]!, ring[1]!]
  const key = keyOf(a.node, [b.node.self])
  await a.group.get(key)
  assert.ok(b.group.peek(key))
  await ring[2]!.group.delete(key)
  assert.equal(b.group.peek(key), undefined)
  await ring[2]!.group.delete(key)
  await a.group.get(key)
  assert.equal(b.loads.length, 2)
})

test('a Get after a delete does not join a peer call from before it', async (t) => {
  const getter = new GatedGetter()
  const ring = await startRing(t, 2, { getter: getter.get })
  const [a, b] = [ring[0]!, ring[1]!]
  const key = keyOf(a.node, [b.node.self])
  const before = a.group.get(key)
  const old = await getter.begun(1)
  await a.group.delete(key)
  const after = a.group.get(key)
  const fresh = await getter.begun(2)
  old.resolve('old')
  assert.equal(text(await before), 'old')
  fresh.resolve('new')
  assert.equal(text(await after), 'new')
  assert.equal(text(b.group.peek(key)), 'new')
})

test('an owner that is gone is stood in for by the next one, then by whoever was asked', async (t) => {
  const ring = await startRing(t, 3)
  const [a, b, c] = [ring[0]!, ring[1]!, ring[2]!]
  const [key, other] = [keyOf(a.node, [b.node.self, c.node.self]), keyOf(a.node, [b.node.self, a.node.self])]
  await b.node.close()
  const answer = await a.group.fetch(Buffer.from(key), { deadlineMs: 10_000 })
  assert.equal(answer.answeredBy, c.node.self)
  assert.ok(answer.ttlLeftMs <= FALLBACK_TTL_MS)
  assert.equal(text(await a.group.get(other, { deadlineMs: 10_000 })), `${other} from ${a.node.self}`)
  await c.node.close()
  assert.equal(text(await a.group.get(`${key}`, { deadlineMs: 10_000 })), `${key} from ${a.node.self}`)
  assert.equal(counterOf(a.group, 'fallbacks'), 2)
  await assert.rejects(a.group.delete(key), { code: 'UNAVAILABLE' })
  assert.equal(a.group.peek(key), undefined, 'the copy that stood in is gone although the owner is away')
})

test('an owner that is killed in the middle of calls costs no caller an error', async (t) => {
  const peers = await freeAddresses(2)
  const child = await forkNode(t, peers[1]!, peers)
  const { node, group } = await startRingNode(t, { self: peers[0]!, peers })
  const keys = Array.from({ length: 2000 }, (_, i) => `key${i}`)
  assert.equal(
    text(await group.get(keyOf(node, [peers[1]!], 'first'))),
    `${keyOf(node, [peers[1]!], 'first')} from ${peers[1]}`,
  )
  const values = keys.map((key) => group.get(key, { deadlineMs: 30_000 }))
  child.kill('SIGKILL')
  for (const [i, value] of (await Promise.all(values)).entries())
    assert.ok(text(value)!.startsWith(`${keys[i]} from `))
})

test('an owner that stands still does not keep a caller with a deadline from its value', async (t) => {
  const peers = await freeAddresses(2)
  const child = await forkNode(t, peers[1]!, peers)
  const { node, group } = await startRingNode(t, { self: peers[0]!, peers })
  const first = keyOf(node, [peers[1]!], 'first')
  assert.equal(text(await group.get(first)), `${first} from ${peers[1]}`)
  child.kill('SIGSTOP')
  const key = keyOf(node, [peers[1]!])
  const values = [2000, 2000, 4000].map((deadlineMs) => group.get(key, { deadlineMs }))
  for (const value of values) assert.equal(text(await value), `${key} from ${node.self}`)
  child.kill('SIGCONT')
})

test('when neither the owner nor the source answers, a caller waits no longer than it said', async (t) => {
  const getter = new GatedGetter()
  const ring = await startRing(t, 2, { getter: getter.get })
  const [a, b] = [ring[0]!, ring[1]!]
  await assert.rejects(a.group.get(keyOf(a.node, [b.node.self]), { deadlineMs: 150 }), {
    code: 'DEADLINE_EXCEEDED',
  })
})

test('an owner that lacks the group lets others answer', async (t) => {
  const ring = await startRing(t, 2)
  const [a, b] = [ring[0]!, ring[1]!]
  const key = keyOf(a.node, [b.node.self])
  await b.node.removeGroup('g')
  assert.equal(text(await a.group.get(key)), `${key} from ${a.node.self}`)
})
