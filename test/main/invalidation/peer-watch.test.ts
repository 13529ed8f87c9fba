import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CallOptions } from '../../../src/main/call.js'
import { FEED_KEYS_MAX, InvalidationFeed } from '../../../src/main/invalidation/invalidation-feed.js'
import { PeerWatch, type PolledPeer } from '../../../src/main/invalidation/peer-watch.js'
import type { PollAnswer, PollRequest } from '../../../src/main/invalidation-poll.js'
import type { Watcher } from '../../../src/main/invalidations.js'
import { CacheError, type CodeName } from '../../../src/shared/errors.js'
import { until } from '../../support/until.js'

/** A peer with groups that tell when the test says so, and a connection to it that fails when the test says so. */
class Peer implements PolledPeer {
  readonly address = '127.0.0.1:1'
  readonly requests: PollRequest[] = []
  failure: CodeName | undefined
  readonly #watchers = new Map<string, Watcher>()
  #feed = this.#newFeed()

  async poll(request: PollRequest, options: CallOptions): Promise<PollAnswer> {
    this.requests.push(request)
    if (this.failure) throw new CacheError(this.failure, 'as the test says')
    return this.#feed.poll(request, options)
  }

  tell(group: string, key: string): void {
    this.#watchers.get(group)?.onInvalidated([Buffer.from(key)])
  }

  /** Ends what is under way. */
  restart(): void {
    const { close } = this.#feed
    this.#feed = this.#newFeed()
    close()
  }

  close(): void {
    this.#feed.close()
  }

  #newFeed(): InvalidationFeed {
    const watchers = this.#watchers
    const feed = new InvalidationFeed({
      subscribeLocal(group, watcher) {
        watchers.set(group, watcher)
        return () => watchers.delete(group)
      },
      coversLocal: (group) => watchers.has(group),
      hasGroup: () => true,
    })
    feed.close = feed.close.bind(feed)
    return feed
  }
}

/** A watch of one peer by a node where these groups are watched. */
function start(t: TestContext, ...names: string[]) {
  const peer = new Peer()
  const groups = new Set(names)
  const told: string[] = []
  const watch = new PeerWatch(peer, {
    groups: () => [...groups],
    onTold: (group, keys) =>
      told.push(...(keys === 'all' ? [`${group} all`] : keys.map((key) => `${group} ${Buffer.from(key)}`))),
    onCoverage: (group) => told.push(`${group} ${watch.covers(group) ? 'covered' : 'lost'}`),
    random: () => 0,
    times: { periodMs: 0, pauseMsMin: 2, pauseMsMax: 8, silentMs: 4 },
  })
  t.after(() => {
    watch.close()
    peer.close()
  })
  watch.refresh()
  return { peer, groups, told, watch }
}

test('what a peer tells is told, and its groups are covered', async (t) => {
  const { peer, told, watch } = start(t, 'g', 'h')
  await until('all are covered', () => watch.covers('g') && watch.covers('h'))
  peer.tell('g', 'Tom')
  peer.tell('h', 'Tim')
  peer.tell('g', 'Jim')
  await until('all is told', () => told.length === 5)
  assert.deepEqual(told, ['g covered', 'h covered', 'g Tom', 'h Tim', 'g Jim'])
})

test('a call that fails means that all may have changed; then the peer is asked again', async (t) => {
  const { peer, told, watch } = start(t, 'g')
  await until('it is covered', () => watch.covers('g'))
  peer.failure = 'UNAVAILABLE'
  peer.tell('g', 'Tom')
  await until('it is lost', () => told.includes('g lost'))
  assert.deepEqual(told, ['g covered', 'g Tom', 'g all', 'g lost'])
  assert.equal(watch.covers('g'), false)
  const { length } = peer.requests
  await until('it goes on trying', () => peer.requests.length > length + 2)
  peer.failure = undefined
  await until('it is covered again', () => watch.covers('g'))
  assert.equal(told.at(-1), 'g covered')
})

test('a peer that has told more than it keeps means all, and stays covered', async (t) => {
  const { peer, told, watch } = start(t, 'g')
  await until('it is covered', () => watch.covers('g'))
  for (let i = 0; i < FEED_KEYS_MAX; i++) peer.tell('g', 'Tom')
  await until('all is told', () => told.length > 1)
  assert.deepEqual(told, ['g covered', 'g all'])
  peer.tell('g', 'Tim')
  await until('the next one is told', () => told.length > 2)
  assert.deepEqual(told.slice(2), ['g Tim'])
})

test('a peer that was restarted may have told unheard', async (t) => {
  const { peer, told, watch } = start(t, 'g')
  await until('it is covered', () => watch.covers('g'))
  peer.restart()
  await until('it is covered again', () => told.length === 4)
  assert.deepEqual(told, ['g covered', 'g all', 'g lost', 'g covered'])
})

test('a peer that knows nothing of invalidations covers nothing, and is asked now and then', async (t) => {
  const { peer, told, watch } = start(t, 'g')
  peer.failure = 'UNIMPLEMENTED'
  await until('it was asked again', () => peer.requests.length > 2)
  peer.failure = undefined
  await until('it is covered', () => watch.covers('g'))
  assert.equal(told.at(-1), 'g covered')
})

test('groups that come and go are asked for at once, and none of the news is lost', async (t) => {
  const { peer, groups, told, watch } = start(t, 'g')
  await until('it is covered', () => watch.covers('g'))
  groups.add('h')
  watch.refresh()
  peer.tell('g', 'Tom')
  await until('both are told', () => told.includes('h covered') && told.includes('g Tom'))
  groups.delete('g')
  watch.refresh()
  assert.equal(watch.covers('g'), false)
  peer.tell('g', 'Tim')
  peer.tell('h', 'Tim')
  await until('the other one is told', () => told.includes('h Tim'))
  assert.equal(told.includes('g Tim'), false)
  assert.equal(told.includes('g all'), false)
})

test('nobody is asked while nobody watches', async (t) => {
  const { peer, groups, told, watch } = start(t)
  assert.equal(peer.requests.length, 0)
  groups.add('g')
  watch.refresh()
  await until('it is covered', () => watch.covers('g'))
  groups.delete('g')
  watch.refresh()
  const { length } = peer.requests
  groups.add('h')
  watch.refresh()
  await until('the other one is covered', () => watch.covers('h'))
  assert.ok(peer.requests.slice(length).every((request) => request.groups.every(({ name }) => name === 'h')))
  assert.deepEqual(told, ['g covered', 'h covered'])
})

test('a watch that is closed tells of all, once, and asks no more', async (t) => {
  const { peer, told, watch } = start(t, 'g')
  await until('it is covered', () => watch.covers('g'))
  watch.close()
  const { length } = peer.requests
  watch.close()
  assert.deepEqual(told, ['g covered', 'g all', 'g lost'])
  peer.tell('g', 'Tom')
  assert.equal(peer.requests.length, length)
})
