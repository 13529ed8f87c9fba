import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheError } from '../../src/shared/errors.js'
import { type FlightContext, Singleflight } from '../../src/shared/singleflight.js'

/** Work that ends when the test says so. */
class Work {
  readonly contexts: FlightContext[] = []
  readonly #settlers: { resolve(value: string): void; reject(error: unknown): void }[] = []

  readonly run = (context: FlightContext): Promise<string> => {
    this.contexts.push(context)
    return new Promise((resolve, reject) => this.#settlers.push({ resolve, reject }))
  }

  get count(): number {
    return this.contexts.length
  }

  resolve(value: string, index = 0): void {
    this.#settlers[index]!.resolve(value)
  }

  reject(error: unknown, index = 0): void {
    this.#settlers[index]!.reject(error)
  }
}

/** Work begins in a microtask. */
const begun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('all who ask for a key share one piece of work, and the first is told so', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  const boardings = Array.from({ length: 1000 }, () => flights.join('k', {}, work.run))
  await begun()
  assert.equal(work.count, 1)
  assert.equal(flights.size, 1)
  work.resolve('v')
  assert.deepEqual(new Set(await Promise.all(boardings.map(({ result }) => result))), new Set(['v']))
  assert.equal(boardings.filter(({ isFirst }) => isFirst).length, 1)
  assert.equal(boardings[0]!.isFirst, true)
  assert.equal(flights.size, 0)
})

test('keys do not wait for each other', async () => {
  const flights = new Singleflight<string>()
  const slow = new Work()
  const { result } = flights.join('slow', {}, slow.run)
  assert.equal(await flights.join('fast', {}, async () => 'v').result, 'v')
  assert.equal(flights.size, 1)
  slow.resolve('at last')
  assert.equal(await result, 'at last')
})

test('work that throws at once, rejects or rejects with nothing fails its waiters and frees the key', async () => {
  const flights = new Singleflight<string>()
  const failures: (() => Promise<string>)[] = [
    () => {
      throw new Error('thrown')
    },
    () => Promise.reject(new Error('rejected')),
    () => Promise.reject(undefined),
  ]
  for (const fail of failures) {
    const all = [flights.join('k', {}, fail), flights.join('k', {}, fail)]
    for (const { status } of await Promise.allSettled(all.map(({ result }) => result)))
      assert.equal(status, 'rejected')
    assert.equal(flights.size, 0)
    assert.equal(await flights.join('k', {}, async () => 'again').result, 'again')
  }
})

test('a waiter leaves at its own deadline; the work goes on for the others', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  const hasty = flights.join('k', { deadlineMs: 5 }, work.run)
  const patient = flights.join('k', {}, work.run)
  await assert.rejects(hasty.result, { name: 'CacheError', code: 'DEADLINE_EXCEEDED' })
  assert.equal(work.contexts[0]!.signal.aborted, false)
  assert.equal(work.contexts[0]!.deadlineMs, 5)
  work.resolve('v')
  assert.equal(await patient.result, 'v')
})

test('a waiter whose signal is aborted leaves with CANCELLED; the last one to leave aborts the work', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  const controllers = [new AbortController(), new AbortController()]
  const results = controllers.map(({ signal }) => flights.join('k', { signal }, work.run).result)
  await begun()
  controllers[0]!.abort()
  await assert.rejects(results[0]!, { code: 'CANCELLED' })
  assert.equal(work.contexts[0]!.signal.aborted, false)
  controllers[1]!.abort()
  await assert.rejects(results[1]!, { code: 'CANCELLED' })
  assert.equal(work.contexts[0]!.signal.aborted, true)
  assert.ok(work.contexts[0]!.signal.reason instanceof CacheError)
  assert.equal(flights.size, 0, 'the key is free although the work has not settled')

  const again = flights.join('k', {}, work.run)
  await begun()
  work.resolve('too late', 0)
  work.resolve('v', 1)
  assert.equal(await again.result, 'v')
})

test('a waiter that comes with an aborted signal starts nothing', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  await assert.rejects(flights.join('k', { signal: AbortSignal.abort() }, work.run).result, {
    code: 'CANCELLED',
  })
  await begun()
  assert.equal(work.count, 0)
  assert.equal(flights.size, 0)
})

test('after forget() who waits still gets the result, who asks starts anew, and the work knows', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  const before = flights.join('k', {}, work.run)
  await begun()
  assert.equal(work.contexts[0]!.isForgotten(), false)
  flights.forget('k')
  flights.forget('nobody asked for this one')
  assert.equal(work.contexts[0]!.isForgotten(), true)
  const after = flights.join('k', {}, work.run)
  await begun()
  assert.equal(after.isFirst, true)
  assert.equal(work.count, 2)
  work.resolve('old')
  assert.equal(await before.result, 'old')
  assert.equal(flights.size, 1, 'the end of the old flight does not take the new one off')
  work.resolve('new', 1)
  assert.equal(await after.result, 'new')

  const more = ['a', 'b'].map((key) => flights.join(key, {}, work.run))
  await begun()
  flights.forgetAll()
  assert.equal(flights.size, 0)
  work.resolve('a', 2)
  work.resolve('b', 3)
  assert.deepEqual(await Promise.all(more.map(({ result }) => result)), ['a', 'b'])
})

test('a deadline of Infinity, or beyond what a timer can wait, never ends the wait', async () => {
  const flights = new Singleflight<string>()
  const work = new Work()
  const results = [Number.POSITIVE_INFINITY, 2 ** 31].map(
    (deadlineMs) => flights.join('k', { deadlineMs }, work.run).result,
  )
  await begun()
  work.resolve('v')
  assert.deepEqual(await Promise.all(results), ['v', 'v'])
})
