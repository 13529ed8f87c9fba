import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  FEED_BYTES_MAX,
  FEED_KEYS_MAX,
  InvalidationFeed,
  LEASE_MS,
} from '../../../src/main/invalidation/invalidation-feed.js'
import {
  POLL_BYTES_MAX,
  POLL_KEYS_MAX,
  type PollAnswer,
  type PollRequest,
} from '../../../src/main/invalidation-poll.js'
import type { Invalidated, Watcher } from '../../../src/main/invalidations.js'
import { FakeClock } from '../../support/fake-clock.js'

/** Groups that tell when the test says so. */
class ToldGroups {
  readonly watchers = new Map<string, Watcher>()
  readonly covered = new Set<string>()
  readonly names: ReadonlySet<string>

  constructor(...names: string[]) {
    this.names = new Set(names)
  }

  subscribeLocal(group: string, watcher: Watcher): () => void {
    this.watchers.set(group, watcher)
    return () => {
      this.watchers.delete(group)
      this.covered.delete(group)
    }
  }

  coversLocal(group: string): boolean {
    return this.covered.has(group)
  }

  hasGroup(name: string): boolean {
    return this.names.has(name)
  }

  tell(group: string, ...keys: string[]): void {
    this.watchers.get(group)?.onInvalidated(keys.map((key) => Buffer.from(key)))
  }

  cover(group: string): void {
    this.covered.add(group)
    this.watchers.get(group)?.onCoverage?.()
  }
}

function start(...names: string[]) {
  const groups = new ToldGroups(...names)
  const clock = new FakeClock()
  return { groups, clock, feed: new InvalidationFeed(groups, clock) }
}

/** The request that follows an answer. */
function after({ session, sequence, covered }: PollAnswer, ...names: string[]): PollRequest {
  return { session, sequence, groups: names.map((name) => ({ name, isCovered: covered.includes(name) })) }
}

const FIRST = { session: '', sequence: 0, covered: [], isReset: false, events: [] }
const PATIENT = { deadlineMs: 60_000 }
const BRIEF = { deadlineMs: 0 }

function texts({ events }: PollAnswer): (string | string[])[] {
  return events.map(({ group, keys }) =>
    keys === 'all' ? `${group} all` : keys.map((key) => `${group} ${Buffer.from(key)}`),
  )
}

/** A feed whose group `g` is covered, and an answer that says so. */
async function startCovered(...names: string[]) {
  const started = start('g', ...names)
  const { groups, feed } = started
  const first = await feed.poll(after(FIRST, 'g', ...names), PATIENT)
  assert.deepEqual([first.isReset, first.covered], [true, []])
  for (const name of groups.names) groups.cover(name)
  const answer = await feed.poll(after(first, 'g', ...names), PATIENT)
  assert.deepEqual([answer.isReset, answer.covered], [false, ['g', ...names]])
  return { ...started, answer }
}

test('a poll waits for what is told, and the next one takes up after it', async () => {
  const { groups, feed, answer } = await startCovered()
  const waiting = feed.poll(after(answer, 'g'), PATIENT)
  groups.tell('g', 'Tom', 'Tim')
  const one = await waiting
  assert.deepEqual(texts(one), [['g Tom', 'g Tim']])
  groups.tell('g', 'Jim')
  groups.watchers.get('g')!.onInvalidated('all')
  const two = await feed.poll(after(one, 'g'), PATIENT)
  assert.deepEqual(texts(two), [['g Jim'], 'g all'])
  // An answer that got lost is asked for again.
  assert.deepEqual(await feed.poll(after(one, 'g'), PATIENT), two)
})

test('a poll that has nothing to wait for ends within its deadline', async () => {
  const { feed, answer } = await startCovered()
  assert.deepEqual(await feed.poll(after(answer, 'g'), BRIEF), answer)
})

test('a poll ends when a group becomes covered, and when it is so no more', async () => {
  const { groups, feed } = start('g')
  const first = await feed.poll(after(FIRST, 'g'), PATIENT)
  const waiting = feed.poll(after(first, 'g'), PATIENT)
  groups.cover('g')
  const covered = await waiting
  assert.deepEqual(covered.covered, ['g'])
  const lost = feed.poll(after(covered, 'g'), PATIENT)
  groups.covered.delete('g')
  groups.watchers.get('g')!.onInvalidated('all')
  assert.deepEqual([texts(await lost), (await lost).covered], [['g all'], []])
})

test('groups that a peer did not ask for are none of its business, and cost it nothing', async () => {
  const { groups, feed, answer } = await startCovered('h')
  const waiting = feed.poll(after(answer, 'g'), PATIENT)
  for (let i = 0; i < 2 * FEED_KEYS_MAX; i++) groups.tell('h', 'Tom')
  groups.tell('g', 'Tim')
  assert.deepEqual([texts(await waiting), (await waiting).isReset], [[['g Tim']], false])
})

test('a group that this node does not have is neither watched nor covered', async () => {
  const { feed, groups } = start('g')
  const answer = await feed.poll(after(FIRST, 'nobody'), PATIENT)
  assert.deepEqual([answer.covered, groups.watchers.size], [[], 0])
  assert.deepEqual(feed.leasedGroups, [])
})

test('another session, a future one and one that is too old are told to take all for changed', async () => {
  const { groups, feed, answer } = await startCovered()
  for (let i = 0; i < FEED_KEYS_MAX / 2; i++) groups.tell('g', 'Tom')
  const kept = await feed.poll(after(answer, 'g'), PATIENT)
  assert.equal(kept.isReset, false)
  groups.tell('g', 'one more')
  const gap = await feed.poll(after(answer, 'g'), PATIENT)
  assert.deepEqual([gap.isReset, gap.covered], [true, ['g']])
  assert.equal((await feed.poll(after({ ...gap, session: 'another' }, 'g'), PATIENT)).isReset, true)
  assert.equal((await feed.poll(after({ ...gap, sequence: 1e9 }, 'g'), PATIENT)).isReset, true)
})

test('what is kept is bounded in bytes, too', async () => {
  const { groups, feed, answer } = await startCovered()
  const key = 'x'.repeat(FEED_BYTES_MAX / 16)
  for (let i = 0; i < 16; i++) groups.tell('g', key)
  assert.equal((await feed.poll(after(answer, 'g'), PATIENT)).isReset, false)
  groups.tell('g', key)
  assert.equal((await feed.poll(after(answer, 'g'), PATIENT)).isReset, true)
})

test('an answer is bounded: the rest comes with the next one', async () => {
  const { groups, feed, answer } = await startCovered()
  for (let i = 0; i < POLL_KEYS_MAX; i++) groups.tell('g', `key${i}`)
  const many: Invalidated[] = []
  for (let last = answer; many.length < POLL_KEYS_MAX; ) {
    last = await feed.poll(after(last, 'g'), PATIENT)
    assert.ok(last.events.length <= POLL_KEYS_MAX / 2)
    many.push(...last.events.map(({ keys }) => keys))
  }
  assert.deepEqual(
    many.map((keys) => String(keys)),
    Array.from({ length: POLL_KEYS_MAX }, (_, i) => String([Buffer.from(`key${i}`)])),
  )
  const { groups: large, feed: other, answer: start } = await startCovered()
  for (let i = 0; i < 5; i++) large.tell('g', 'x'.repeat(POLL_BYTES_MAX / 4))
  const part = await other.poll(after(start, 'g'), PATIENT)
  assert.equal(part.events.length, 4)
  assert.equal((await other.poll(after(part, 'g'), PATIENT)).events.length, 1)
})

test('a group that nobody polls for is let go of, and who comes back has missed all', async () => {
  const { groups, clock, feed, answer } = await startCovered()
  clock.advance(LEASE_MS - 1)
  feed.expireLeases()
  assert.deepEqual(feed.leasedGroups, ['g'])
  await feed.poll(after(answer, 'g'), BRIEF)
  clock.advance(LEASE_MS - 1)
  feed.expireLeases()
  assert.equal(groups.watchers.size, 1)
  clock.advance(1)
  feed.expireLeases()
  assert.equal(groups.watchers.size, 0)
  const back = await feed.poll(after(answer, 'g'), PATIENT)
  assert.deepEqual([texts(back), back.covered], [['g all'], []])
})

test('so many polls may wait at a time, and those whose peer goes away wait no more', async () => {
  const { feed, answer } = await startCovered()
  const peers = Array.from({ length: 256 }, () => new AbortController())
  const polls = peers.map(({ signal }) => feed.poll(after(answer, 'g'), { ...PATIENT, signal }))
  await assert.rejects(feed.poll(after(answer, 'g'), PATIENT), { code: 'RESOURCE_EXHAUSTED' })
  const ended = Promise.allSettled(polls)
  for (const peer of peers) peer.abort()
  for (const result of await ended) assert.equal(result.status, 'rejected')
  assert.deepEqual(await feed.poll(after(answer, 'g'), BRIEF), answer)
})

test('a feed that is closed lets go of groups and of polls', async () => {
  const { groups, feed, answer } = await startCovered()
  const rejected = assert.rejects(feed.poll(after(answer, 'g'), PATIENT), { code: 'UNAVAILABLE' })
  feed.close()
  await rejected
  assert.equal(groups.watchers.size, 0)
  await assert.rejects(feed.poll(after(answer, 'g'), PATIENT), { code: 'UNAVAILABLE' })
})
