import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Group } from '../../src/main/group.js'
import { startNode } from '../../src/main/node.js'
import type { GroupOptions } from '../../src/main/node-options.js'
import { counterOf } from '../support/group-counters.js'
import { keyOf, startRing } from '../support/ring-fixture.js'
import { until } from '../support/until.js'

/** A group whose source answers `v<n>` to its nth call, or fails while `state.isDown`. */
async function startGroup(t: TestContext, options: Partial<GroupOptions>) {
  const node = await startNode({ self: '127.0.0.1:0', workers: 1 })
  t.after(() => node.close())
  const state = { calls: 0, isDown: false }
  const getter = (): string => {
    state.calls++
    if (state.isDown) throw new Error('the source is down')
    return `v${state.calls}`
  }
  return { group: await node.group('g', { maxBytes: 1 << 20, getter, ...options }), state }
}

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

/** Waits until the value is not fresh any more. */
const expired = (group: Group, key: string): Promise<void> =>
  until('the value is stale', () => group.peek(key) === undefined)

test('a node serves stale values by the options of the group; peek only when it is asked to', async (t) => {
  const { group, state } = await startGroup(t, { ttlMs: 1, staleIfErrorMs: 60_000 })
  assert.equal(text(await group.get('k')), 'v1')
  await expired(group, 'k')
  assert.equal(text(group.peek('k', { stale: true })), 'v1')
  assert.equal(group.peek('never loaded', { stale: true }), undefined)
  state.isDown = true
  const answer = await group.fetch(Buffer.from('k'))
  assert.deepEqual([text(answer.value), answer.outcome, answer.ttlLeftMs], ['v1', 'stale', 0])
  assert.equal(counterOf(group, 'stale_served'), 1)
  state.isDown = false
  assert.equal(text(await group.get('k')), 'v3')
})

test('a node refreshes what it serves stale, and what is read shortly before it expires', async (t) => {
  const stale = await startGroup(t, { ttlMs: 1, staleWhileRevalidateMs: 60_000 })
  assert.equal(text(await stale.group.get('k')), 'v1')
  await expired(stale.group, 'k')
  assert.equal(text(await stale.group.get('k')), 'v1')
  await until('it was refreshed', () => stale.state.calls === 2)
  assert.equal(counterOf(stale.group, 'refreshes'), 1)

  const ahead = await startGroup(t, { ttlMs: 60_000, refreshAhead: 1 })
  assert.equal(text(await ahead.group.get('k')), 'v1')
  await until('a millisecond of its life has passed, and a hit seen', () => {
    ahead.group.peek('k')
    return ahead.state.calls >= 2
  })
  await until('the new value is there', () => text(ahead.group.peek('k')) !== 'v1')
  assert.equal(counterOf(ahead.group, 'stale_served'), 0)
})

test('without options an expired value is gone for everybody', async (t) => {
  const { group, state } = await startGroup(t, { ttlMs: 1 })
  await group.get('k')
  await expired(group, 'k')
  assert.equal(group.peek('k', { stale: true }), undefined)
  state.isDown = true
  await assert.rejects(group.get('k'), { code: 'UNKNOWN' })
  await assert.rejects(group.get('k'), { code: 'UNKNOWN' })
  assert.equal(state.calls, 3, 'every call tries the source')
})

test('a peer gets a stale value as what it is, one key or many, and keeps nothing of it', async (t) => {
  let isDown = false
  const [one, two] = await startRing(t, 2, {
    ttlMs: 1,
    staleIfErrorMs: 60_000,
    getter: (key) => {
      if (isDown) throw new Error('the source is down')
      return key
    },
  })
  const key = keyOf(one!.node, [two!.node.self])
  await two!.group.get(key)
  await expired(two!.group, key)
  isDown = true
  for (const answer of [
    await one!.group.fetch(Buffer.from(key)),
    (await one!.group.fetchMany([Buffer.from(key)]))[0],
  ]) {
    const { value, ...rest } = answer as { value: Uint8Array }
    assert.equal(text(value), key)
    assert.deepEqual(rest, { outcome: 'stale', answeredBy: two!.node.self, ttlLeftMs: 0 })
  }
  assert.equal(one!.group.peek(key, { stale: true }), undefined)
})

test('a key that fails is left alone for a while, and others are not', async (t) => {
  const { group, state } = await startGroup(t, { errorBackoffMs: 60_000 })
  state.isDown = true
  for (let i = 0; i < 5; i++) {
    await assert.rejects(group.get('k'), { code: 'UNKNOWN', message: /the source is down/ })
  }
  assert.equal(state.calls, 1)
  assert.equal(counterOf(group, 'backoff_rejected'), 4)
  state.isDown = false
  assert.equal(text(await group.get('other')), 'v2')
  await group.delete('k')
  assert.equal(text(await group.get('k')), 'v3')
})
