import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LocalWatch } from '../../../src/main/invalidation/local-watch.js'
import { CacheError } from '../../../src/shared/errors.js'
import { settled } from '../../support/shard-group-fixture.js'

/** A shard that answers when the test says so. */
class HeldShard {
  readonly asked: {
    readonly isWatched: boolean
    answer(): Promise<void>
    fail(error: CacheError): Promise<void>
  }[] = []

  watch(_group: number, isWatched: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        isWatched,
        answer: () => {
          resolve()
          return settled()
        },
        fail: (error) => {
          reject(error)
          return settled()
        },
      })
    })
  }
}

function start(t: TestContext) {
  const shards = [new HeldShard(), new HeldShard()]
  const covered = { count: 0 }
  const watch = new LocalWatch(() => covered.count++)
  const group = { id: 1, name: 'g', shards }
  watch.setGroup(group)
  t.after(() => watch.setGroup(undefined))
  return { watch, group, shards, covered }
}

const DIED = new CacheError('UNAVAILABLE', 'The thread died')

test('a group is told of when all of its shards have answered', async (t) => {
  const { watch, shards, covered } = start(t)
  await shards[0]!.asked[0]!.answer()
  assert.equal(watch.isTelling, false)
  await shards[1]!.asked[0]!.answer()
  assert.deepEqual([watch.isTelling, covered.count], [true, 1])
  watch.setGroup(undefined)
  assert.equal(watch.isTelling, false)
  assert.deepEqual(
    shards.map(({ asked }) => asked.at(-1)!.isWatched),
    [false, false],
  )
})

test('a shard whose thread died is asked anew, and counts when it has answered', async (t) => {
  const { watch, shards, covered } = start(t)
  for (const { asked } of shards) await asked[0]!.answer()
  assert.equal(watch.onDeath(0), true)
  assert.equal(watch.isTelling, false)
  assert.equal(watch.onDeath(1), false, 'it told no more')
  await shards[0]!.asked[1]!.answer()
  assert.equal(watch.isTelling, false)
  await shards[1]!.asked[1]!.answer()
  assert.deepEqual([watch.isTelling, covered.count], [true, 2])
})

test('a shard that failed is asked again after a pause, unless it is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { watch, shards } = start(t)
  await shards[0]!.asked[0]!.fail(DIED)
  await shards[1]!.asked[0]!.fail(new CacheError('FAILED_PRECONDITION', 'The node is closed'))
  t.mock.timers.tick(1000)
  assert.deepEqual(
    shards.map(({ asked }) => asked.length),
    [2, 1],
  )
  await shards[0]!.asked[1]!.fail(DIED)
  watch.setGroup(undefined)
  t.mock.timers.tick(1000)
  assert.deepEqual(
    shards.map(({ asked }) => asked.length),
    [3, 2],
  )
})

test('answers to what was asked for a group before count for nothing', async (t) => {
  const { watch, group, shards } = start(t)
  watch.setGroup({ ...group, id: 2 })
  for (const { asked } of shards) await asked[0]!.answer()
  assert.equal(watch.isTelling, false)
  for (const { asked } of shards) await asked.at(-1)!.answer()
  assert.equal(watch.isTelling, true)
})
