import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancel } from '../../src/shared/cancel.js'
import { CacheError } from '../../src/shared/errors.js'
import { Prng, seedOf } from '../support/prng.js'
import { type Got, ShardGroupFixture, settled } from '../support/shard-group-fixture.js'

const failure = (message = 'the source is down'): CacheError => new CacheError('UNKNOWN', message)

/** A call that is under way, with its end looked at later. */
function begin(promise: Promise<Got>): Promise<Got> {
  promise.catch(() => {})
  return promise
}

test('without options a value is a hit until its time to live is over, and then gone', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000 })
  await shard.store('k', 'v1')
  shard.clock.advance(999)
  assert.deepEqual(await shard.get('k'), { text: 'v1', outcome: 'hit', ttlLeftMs: 1 })
  shard.group.maintain()
  assert.equal(shard.source.calls.length, 1, 'no refresh before the value expires')
  shard.clock.advance(1)
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.call(2).fail(failure())
  await assert.rejects(call, { code: 'UNKNOWN' })
  assert.equal(shard.peekStale('k', 0), undefined)
  const again = begin(shard.get('k'))
  await settled()
  await shard.source.call(3).answer('v2')
  assert.deepEqual(await again, { text: 'v2', outcome: 'load', ttlLeftMs: 1000 })
  assert.deepEqual(
    shard.counters('stale_served', 'refreshes', 'refresh_errors', 'backoff_rejected', 'loads_rejected'),
    { stale_served: 0, refreshes: 0, refresh_errors: 0, backoff_rejected: 0, loads_rejected: 0 },
  )
})

test('stale-while-revalidate serves the old value at once while one load refreshes it', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleWhileRevalidateMs: 500 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(await shard.get('k'), { text: 'v1', outcome: 'stale', ttlLeftMs: 0 })
  }
  assert.equal(shard.source.calls.length, 2, 'ten callers, one refresh')
  await shard.source.call(2).answer('v2')
  assert.deepEqual(await shard.get('k'), { text: 'v2', outcome: 'hit', ttlLeftMs: 1000 })
  assert.deepEqual(shard.counters('stale_served', 'refreshes', 'refresh_errors', 'loads'), {
    stale_served: 10,
    refreshes: 1,
    refresh_errors: 0,
    loads: 2,
  })
})

test('after the stale window a call waits for the source, and the memory is given back without a call', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleWhileRevalidateMs: 500 })
  await shard.store('k', 'v1')
  shard.clock.advance(1499)
  assert.equal((await shard.get('k')).outcome, 'stale')
  await shard.source.call(2).fail(failure())
  shard.clock.advance(1)
  const call = begin(shard.get('k'))
  await settled()
  assert.equal(shard.source.calls.length, 3)
  await shard.source.call(3).answer('v2')
  assert.equal((await call).text, 'v2')
  assert.equal(shard.counter('entries'), 1)
  shard.clock.advance(1499)
  shard.group.maintain()
  assert.equal(shard.counter('entries'), 1, 'kept while it may be served')
  shard.clock.advance(50)
  shard.group.maintain()
  assert.equal(shard.counter('entries'), 0)
  assert.equal(shard.counter('expirations'), 1)
})

test('a refresh that fails is counted, costs nobody the stale value and is not repeated at once', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleWhileRevalidateMs: 60_000 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  await shard.get('k')
  await shard.source.call(2).fail(failure())
  assert.equal(shard.counter('refresh_errors'), 1)
  assert.equal((await shard.get('k')).outcome, 'stale')
  assert.equal(shard.source.calls.length, 2, 'the source is left alone for a second')
  shard.clock.advance(1000)
  assert.equal((await shard.get('k')).outcome, 'stale')
  assert.equal(shard.source.calls.length, 3)
})

test('stale-if-error serves the old value when its load fails, and only within its time', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleIfErrorMs: 5000 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  const first = begin(shard.get('k'))
  const second = begin(shard.get('k'))
  await settled()
  assert.equal(shard.source.calls.length, 2, 'the source is asked first, once')
  await shard.source.call(2).fail(failure())
  for (const call of [first, second]) {
    assert.deepEqual(await call, { text: 'v1', outcome: 'stale', ttlLeftMs: 0 })
  }
  assert.equal(shard.counter('stale_served'), 2)
  shard.clock.advance(4999)
  const late = begin(shard.get('k'))
  await settled()
  shard.clock.advance(1)
  await shard.source.call(3).fail(failure())
  await assert.rejects(late, { code: 'UNKNOWN' }, 'too old when the load failed')
})

test('"not found" is an answer, not an error: the stale value goes', async () => {
  for (const notFoundTtlMs of [0, 1000]) {
    const shard = new ShardGroupFixture({
      ttlMs: 1000,
      notFoundTtlMs,
      staleIfErrorMs: 5000,
      staleWhileRevalidateMs: 100,
    })
    await shard.store('k', 'v1')
    shard.clock.advance(1000)
    await shard.get('k')
    await shard.source.call(2).answer(null)
    assert.equal(shard.counter('entries'), notFoundTtlMs === 0 ? 0 : 1)
    const call = begin(shard.get('k'))
    await settled()
    if (notFoundTtlMs === 0) await shard.source.call(3).fail(failure())
    await assert.rejects(call, { code: notFoundTtlMs === 0 ? 'UNKNOWN' : 'NOT_FOUND' })
    // A remembered "not found" is never served past its time.
    shard.clock.advance(1000)
    const later = begin(shard.get('k'))
    await settled()
    await shard.source.calls.at(-1)!.fail(failure())
    await assert.rejects(later, { code: 'UNKNOWN' })
  }
})

test('a value that is not to be kept takes the old one with it', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleWhileRevalidateMs: 1000 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  await shard.get('k')
  await shard.source.call(2).answer({ value: Buffer.from('v2'), ttlMs: 0 })
  assert.equal(shard.counter('entries'), 0)
})

test('a delete ends all staleness: the old value is not served again, nor what a refresh brings kept', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleWhileRevalidateMs: 5000, staleIfErrorMs: 5000 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  await shard.get('k')
  shard.remove('k')
  await shard.source.call(2).answer('v2')
  assert.equal(shard.counter('entries'), 0)
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.call(3).fail(failure())
  await assert.rejects(call, { code: 'UNKNOWN' })
})

test('what is kept of a key of another node is never stale and never refreshed', async () => {
  const shard = new ShardGroupFixture({
    ttlMs: 60_000,
    staleWhileRevalidateMs: 5000,
    staleIfErrorMs: 5000,
    refreshAhead: 1,
  })
  await shard.store('k', 'v1', { ttlMsMax: 1000 })
  assert.equal((await shard.get('k')).ttlLeftMs, 1000)
  shard.group.maintain()
  assert.equal(shard.source.calls.length, 1)
  shard.clock.advance(1000)
  assert.equal(shard.peekStale('k', 5000), undefined)
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.call(2).fail(failure())
  await assert.rejects(call, { code: 'UNKNOWN' })
})

test('a hit in the last part of a time to live has the value loaded once, by housekeeping', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, refreshAhead: 0.2 })
  await shard.store('k', 'v1')
  await shard.store('unread', 'v1')
  shard.clock.advance(800)
  await shard.get('k')
  shard.group.maintain()
  assert.equal(shard.source.calls.length, 2, 'not before the last fifth')
  shard.clock.advance(1)
  for (let i = 0; i < 5; i++) assert.equal((await shard.get('k')).outcome, 'hit')
  shard.group.maintain()
  await shard.get('k')
  shard.group.maintain()
  await settled()
  assert.deepEqual(shard.source.keys, ['k', 'unread', 'k'], 'one refresh, and none of what nobody reads')
  await shard.source.call(3).answer('v2')
  assert.deepEqual(await shard.get('k'), { text: 'v2', outcome: 'hit', ttlLeftMs: 1000 })
  assert.deepEqual(shard.counters('refreshes', 'refresh_errors', 'stale_served'), {
    refreshes: 1,
    refresh_errors: 0,
    stale_served: 0,
  })
})

test('a refresh ahead that fails leaves the value and rests before the next try', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 10_000, refreshAhead: 0.5 })
  await shard.store('k', 'v1')
  shard.clock.advance(5001)
  for (const calls of [2, 2, 3]) {
    assert.equal((await shard.get('k')).text, 'v1')
    shard.group.maintain()
    await settled()
    assert.equal(shard.source.calls.length, calls)
    if (calls === 2 && shard.counter('refresh_errors') === 0) await shard.source.call(2).fail(failure())
    else shard.clock.advance(1000)
  }
})

test('past the soft timeout a call takes the stale value, while the load goes on and is kept', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleIfErrorMs: 5000, softTimeoutMs: 50 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  const call = begin(shard.get('k'))
  await settled()
  t.mock.timers.tick(49)
  assert.equal(shard.counter('stale_served'), 0)
  t.mock.timers.tick(1)
  assert.deepEqual(await call, { text: 'v1', outcome: 'stale', ttlLeftMs: 0 })
  assert.equal(shard.counter('stale_served'), 1)
  assert.equal(shard.source.call(2).limits.cancel.aborted, false)
  await shard.source.call(2).answer('v2')
  assert.equal((await shard.get('k')).text, 'v2')
})

test('a load that is in time, or has nothing old to offer, knows no soft timeout', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleIfErrorMs: 5000, softTimeoutMs: 50 })
  const first = begin(shard.get('k'))
  await settled()
  t.mock.timers.tick(1000)
  await shard.source.call(1).answer('v1')
  assert.equal((await first).outcome, 'load')
  shard.clock.advance(1000)
  const second = begin(shard.get('k'))
  await settled()
  await shard.source.call(2).answer('v2')
  assert.deepEqual(await second, { text: 'v2', outcome: 'load', ttlLeftMs: 1000 })
  t.mock.timers.tick(50)
  assert.equal(shard.counter('stale_served'), 0)
})

test('the hard timeout is a failed load: the getter is told, the stale value served', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleIfErrorMs: 5000 }, { timeoutMs: 200 })
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  const call = begin(shard.get('k'))
  const other = begin(shard.get('other'))
  await settled()
  assert.equal(shard.source.call(2).limits.deadlineMs, 200)
  t.mock.timers.tick(200)
  assert.equal((await call).outcome, 'stale')
  await assert.rejects(other, { code: 'DEADLINE_EXCEEDED' })
  assert.equal(shard.source.call(2).limits.cancel.aborted, true)
  assert.equal(shard.counter('load_errors'), 2)
})

test('jitter takes off at most its part of a time to live, whoever set it, and never adds to it', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, notFoundTtlMs: 1000, ttlJitter: 0.1 })
  for (const [random, ttlLeftMs] of [
    [0, 1000],
    [0.5, 950],
    [0.999_999, 901],
  ] as const) {
    shard.random = random
    await shard.store(`k${random}`, 'v')
    assert.equal((await shard.get(`k${random}`)).ttlLeftMs, ttlLeftMs)
  }
  await shard.store('own', { value: Buffer.from('v'), ttlMs: 100 })
  assert.equal((await shard.get('own')).ttlLeftMs, 91)
  const forever = new ShardGroupFixture({ ttlJitter: 1 })
  forever.random = 0.9
  await forever.store('k', 'v')
  assert.equal((await forever.get('k')).ttlLeftMs, Number.POSITIVE_INFINITY)
})

test('back-off answers with the remembered error, longer after every failure, until a load succeeds', async () => {
  const shard = new ShardGroupFixture({ errorBackoffMs: 100 })
  let calls = 0
  for (const pauseMs of [100, 200, 400]) {
    const call = begin(shard.get('k'))
    await settled()
    await shard.source.call(++calls).fail(failure(`failure ${calls}`))
    await assert.rejects(call, { message: `failure ${calls}` })
    shard.clock.advance(pauseMs - 1)
    await assert.rejects(shard.get('k'), { code: 'UNKNOWN', message: `failure ${calls}` })
    assert.equal(shard.source.calls.length, calls, 'the source was left alone')
    shard.clock.advance(1)
  }
  assert.equal(shard.counter('backoff_rejected'), 3)
  await shard.store('k', 'v')
  assert.equal((await shard.get('k')).text, 'v')
  shard.remove('k')
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.calls.at(-1)!.fail(failure())
  await assert.rejects(call)
  shard.clock.advance(100)
  await shard.store('k', 'v')
})

test('a delete, and a caller that went away, leave no back-off behind', async () => {
  const shard = new ShardGroupFixture({ errorBackoffMs: 100 })
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.call(1).fail(failure())
  await assert.rejects(call)
  shard.remove('k')
  const signal = new Cancel()
  const cancelled = begin(shard.get('k', { signal }))
  await settled()
  signal.abort()
  await assert.rejects(cancelled, { code: 'CANCELLED' })
  await shard.source.call(2).fail(failure())
  await shard.store('k', 'v')
  assert.equal(shard.counter('backoff_rejected'), 0)
})

test('while a key is backed off, or the queue full, stale-if-error still serves it', async () => {
  const shard = new ShardGroupFixture(
    { ttlMs: 1000, staleIfErrorMs: 60_000, errorBackoffMs: 5000 },
    { concurrencyMax: 1, queueMax: 0 },
  )
  await shard.store('k', 'v1')
  shard.clock.advance(1000)
  const call = begin(shard.get('k'))
  await settled()
  await shard.source.call(2).fail(failure())
  assert.equal((await call).outcome, 'stale')
  assert.equal((await shard.get('k')).outcome, 'stale')
  assert.equal(shard.counter('backoff_rejected'), 1)
  shard.clock.advance(5000)
  begin(shard.get('busy'))
  await settled()
  assert.equal((await shard.get('k')).outcome, 'stale')
  assert.equal(shard.counter('loads_rejected'), 1)
  await assert.rejects(shard.get('new'), { code: 'RESOURCE_EXHAUSTED' })
  assert.equal(shard.source.calls.length, 3)
})

test('a clear empties the group of values and of remembered errors', async () => {
  const shard = new ShardGroupFixture({ ttlMs: 1000, staleIfErrorMs: 5000, errorBackoffMs: 5000 })
  await shard.store('k', 'v1')
  const call = begin(shard.get('other'))
  await settled()
  await shard.source.call(2).fail(failure())
  await assert.rejects(call)
  shard.group.clear()
  await shard.store('other', 'v')
  assert.equal(shard.peekStale('k', 5000), undefined)
})

test('random lives of values agree with what the options promise', async () => {
  const random = new Prng(seedOf())
  const options = { ttlMs: 1000, staleWhileRevalidateMs: 300, staleIfErrorMs: 2000 }
  const shard = new ShardGroupFixture(options)
  /** When each key was stored last, and with what. */
  const model = new Map<string, { value: string; storedMs: number }>()
  for (let step = 0; step < 3000; step++) {
    shard.clock.advance(random.below(400))
    if (random.below(4) === 0) shard.group.maintain()
    const key = `k${random.below(5)}`
    if (random.below(20) === 0) {
      shard.remove(key)
      model.delete(key)
      continue
    }
    const nowMs = shard.clock.nowMs()
    const known = model.get(key)
    const ageMs = known ? nowMs - known.storedMs : Number.POSITIVE_INFINITY
    const before = shard.source.calls.length
    const call = begin(shard.get(key))
    await settled()
    const begun = shard.source.calls.length > before
    const fails = random.below(3) === 0
    if (begun) {
      if (fails) await shard.source.calls.at(-1)!.fail(failure())
      else await shard.source.calls.at(-1)!.answer(`v${step}`)
    }
    if (ageMs < 1000) {
      assert.equal(begun, false)
      assert.deepEqual(await call, { text: known!.value, outcome: 'hit', ttlLeftMs: 1000 - ageMs })
    } else if (ageMs < 1300) {
      assert.deepEqual(await call, { text: known!.value, outcome: 'stale', ttlLeftMs: 0 })
    } else {
      assert.equal(begun, true)
      if (!fails) assert.equal((await call).text, `v${step}`)
      else if (ageMs < 3000)
        assert.deepEqual(await call, { text: known!.value, outcome: 'stale', ttlLeftMs: 0 })
      else await assert.rejects(call, { code: 'UNKNOWN' })
    }
    if (begun && !fails) model.set(key, { value: `v${step}`, storedMs: nowMs })
  }
})
