import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Watcher } from '../../../src/main/invalidations.js'
import {
  AttachedWatches,
  UNHEARD_MAX,
  WATCHED_GROUPS_MAX,
} from '../../../src/main/threads/attached-watches.js'
import type { AttachedReply } from '../../../src/shared/attach-messages.js'
import { unpackKeys } from '../../../src/shared/key-pack.js'

/** A node whose groups tell when the test says so, and a thread that takes messages when the test says so. */
function start() {
  const watchers = new Map<string, Watcher>()
  const sent: string[] = []
  const watches = new AttachedWatches(
    {
      subscribe(group, watcher) {
        watchers.set(group, watcher)
        return () => watchers.delete(group)
      },
      covering: (group) => [`owners of ${group}`],
    },
    (news) => sent.push(shown(news)),
  )
  const tell = (group: string, key: string): void => watchers.get(group)?.onInvalidated([Buffer.from(key)])
  return { watches, watchers, sent, tell }
}

function shown(news: AttachedReply): string {
  if (news.kind === 'covering') return String(news.addresses)
  if (news.kind !== 'invalidated') throw new Error(`Unexpected ${news.kind}`)
  return `${news.group} ${news.keys === 'all' ? 'all' : unpackKeys(news.keys).map((key) => Buffer.from(key))}`
}

test('a thread is told what is covered, and of keys', () => {
  const { watches, watchers, sent, tell } = start()
  watches.watch('g', true)
  watches.watch('g', true)
  tell('g', 'Tom')
  tell('h', 'Tim')
  watchers.get('g')!.onCoverage?.()
  assert.deepEqual(sent, ['owners of g', 'g Tom', 'owners of g'])
  watches.watch('g', false)
  assert.equal(watchers.size, 0)
})

test('a thread that takes nothing gets a bounded number of messages, and "all" when it goes on', () => {
  const { watches, sent, tell } = start()
  watches.watch('g', true)
  watches.watch('h', true)
  sent.length = 0
  for (let i = 0; i < 2 * UNHEARD_MAX; i++) tell('g', 'Tom')
  tell('h', 'Tim')
  assert.equal(sent.length, UNHEARD_MAX)
  watches.heard(UNHEARD_MAX / 2 - 1)
  assert.equal(sent.length, UNHEARD_MAX)
  watches.heard(1)
  assert.deepEqual(sent.slice(UNHEARD_MAX), ['g all', 'h all'])
  tell('g', 'Jim')
  assert.equal(sent.at(-1), 'g Jim')
})

test('what a slow thread missed of a group is told before it hears that its delete is done', () => {
  const { watches, sent, tell } = start()
  watches.watch('g', true)
  for (let i = 0; i <= UNHEARD_MAX; i++) tell('g', 'Tom')
  sent.length = 0
  watches.catchUp('h')
  assert.deepEqual(sent, [])
  watches.catchUp('g')
  watches.catchUp('g')
  assert.deepEqual(sent, ['g all'])
})

test('a thread watches a bounded number of groups, and none when it has ended', () => {
  const { watches, watchers } = start()
  for (let i = 0; i <= WATCHED_GROUPS_MAX; i++) watches.watch(`g${i}`, true)
  assert.equal(watchers.size, WATCHED_GROUPS_MAX)
  watches.close()
  assert.equal(watchers.size, 0)
})
