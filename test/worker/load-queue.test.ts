import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancel } from '../../src/shared/cancel.js'
import { COUNTERS, type CounterName, GroupCounters } from '../../src/shared/counters.js'
import type { LoadBounds, Loaded } from '../../src/shared/messages.js'
import { LoadQueue } from '../../src/worker/load-queue.js'
import { Prng, seedOf } from '../support/prng.js'
import { GatedSource, settled } from '../support/shard-group-fixture.js'

class QueueFixture {
  readonly source: GatedSource
  readonly #queue: LoadQueue
  readonly #counters = new GroupCounters(1)

  constructor(bounds: Partial<LoadBounds>, takesMany = false) {
    this.source = new GatedSource(takesMany)
    this.#queue = new LoadQueue(
      this.source,
      {
        timeoutMs: 1000,
        concurrencyMax: Number.POSITIVE_INFINITY,
        queueMax: 100,
        batchSizeMax: 3,
        ...bounds,
      },
      this.#counters.row(1, 0),
    )
  }

  load(key: string, signal = new Cancel(), deadlineMs = Number.POSITIVE_INFINITY): Promise<Loaded> {
    this.#queue.assertRoom()
    const load = this.#queue.load({ key: Buffer.from(key), signal, deadlineMs })
    load.catch(() => {})
    return load
  }

  counter(name: CounterName): number {
    return this.#counters.read(0)[COUNTERS.findIndex((spec) => spec.name === name)]!
  }
}

const text = async (load: Promise<Loaded>): Promise<string> => Buffer.from((await load).value!).toString()

test('the source sees as many calls at a time as it may bear, in the order in which they came', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 2 })
  const loads = ['a', 'b', 'c', 'd'].map((key) => queue.load(key))
  assert.deepEqual(source.keys, ['a', 'b'], 'a getter of one key is called at once')
  assert.deepEqual([queue.counter('source_calls'), queue.counter('loads_queued')], [2, 2])
  await source.call(2).answer('B')
  assert.deepEqual(source.keys, ['a', 'b', 'c'])
  await source.call(1).fail(new Error('down'))
  assert.deepEqual(source.keys, ['a', 'b', 'c', 'd'])
  await source.call(3).answer('C')
  await source.call(4).answer('D')
  await assert.rejects(loads[0]!, { code: 'UNKNOWN', message: 'down' })
  assert.deepEqual(await Promise.all(loads.slice(1).map(text)), ['B', 'C', 'D'])
  assert.deepEqual(
    ['loads', 'load_errors', 'load_batches', 'source_calls', 'loads_queued'].map((name) =>
      queue.counter(name as CounterName),
    ),
    [4, 1, 0, 0, 0],
  )
})

test('over the queue a load is refused at once, and there is room again when one has gone', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 1, queueMax: 2 })
  const signal = new Cancel()
  queue.load('a')
  queue.load('b', signal)
  queue.load('c')
  assert.throws(() => queue.load('d'), { code: 'RESOURCE_EXHAUSTED' })
  assert.equal(queue.counter('loads_rejected'), 1)
  signal.abort()
  queue.load('e')
  await source.call(1).answer('A')
  await source.call(2).answer('C')
  assert.deepEqual(source.keys, ['a', 'c', 'e'], 'what nobody waits for never starts')
})

test('a queued load whose waiters have gone rejects with their reason and is never begun', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 1 })
  const signal = new Cancel()
  queue.load('a')
  const gone = queue.load('b', signal)
  signal.abort(new Error('gone'))
  await assert.rejects(gone, { message: 'gone' })
  assert.equal(queue.counter('loads_queued'), 0)
  await source.call(1).answer('A')
  assert.deepEqual(source.keys, ['a'])
  const late = new Cancel()
  late.abort(new Error('came too late'))
  await assert.rejects(queue.load('c', late), { message: 'came too late' })
  assert.deepEqual(source.keys, ['a'])
})

test('a call that nobody waits for keeps its place until it ends: getters may not heed their signal', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 1 })
  const signal = new Cancel()
  const load = queue.load('a', signal)
  queue.load('b')
  signal.abort(new Error('gone'))
  await assert.rejects(load, { message: 'gone' })
  assert.equal(source.call(1).limits.cancel.aborted, true)
  assert.equal(source.call(1).limits.over.aborted, false)
  await settled()
  assert.deepEqual(source.keys, ['a'])
  await source.call(1).answer('A')
  assert.deepEqual(source.keys, ['a', 'b'])
})

test('a call that takes too long fails and gives up its place', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { source, ...queue } = fixture({ concurrencyMax: 1, timeoutMs: 100 })
  const load = queue.load('a', new Cancel(), 5000)
  queue.load('b', new Cancel(), 20)
  assert.equal(source.call(1).limits.deadlineMs, 100)
  t.mock.timers.tick(100)
  await assert.rejects(load, { code: 'DEADLINE_EXCEEDED' })
  await settled()
  assert.equal(source.call(1).limits.cancel.aborted, true)
  assert.equal(source.call(1).limits.over.aborted, true)
  assert.equal(source.call(2).limits.deadlineMs, 20)
  await source.call(1).answer('too late')
  await source.call(2).answer('B')
  t.mock.timers.tick(1000)
  assert.deepEqual([queue.counter('load_errors'), queue.counter('source_calls')], [1, 0])
})

test('all keys of one turn go to one call of a getter that takes many, as many as one call may have', async () => {
  const { source, ...queue } = fixture({ batchSizeMax: 3 }, true)
  const loads = ['a', 'b', 'c', 'd'].map((key) => queue.load(key))
  assert.equal(source.calls.length, 0)
  await settled()
  assert.deepEqual(
    source.calls.map(({ keys }) => keys),
    [['a', 'b', 'c'], ['d']],
  )
  await source.call(1).answer('A', null, { code: 'UNAVAILABLE', message: 'not now' })
  await source.call(2).fail(new Error('down'))
  assert.equal(await text(loads[0]!), 'A')
  assert.equal((await loads[1]!).value, null)
  await assert.rejects(loads[2]!, { code: 'UNAVAILABLE', message: 'not now' })
  await assert.rejects(loads[3]!, { code: 'UNKNOWN', message: 'down' })
  assert.deepEqual(
    ['loads', 'load_batches', 'load_errors', 'not_found'].map((name) => queue.counter(name as CounterName)),
    [4, 2, 2, 1],
  )
})

test('what a slow getter of many keys keeps waiting goes together when its turn comes', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 1, batchSizeMax: 3 }, true)
  for (const key of ['a', 'b']) {
    queue.load(key)
    await settled()
  }
  queue.load('c')
  await settled()
  await source.call(1).answer('A')
  assert.deepEqual(
    source.calls.map(({ keys }) => keys),
    [['a'], ['b', 'c']],
  )
})

test('one turn may bring what the calls that are free take, and the queue, and no more', async () => {
  const { source, ...queue } = fixture({ concurrencyMax: 2, queueMax: 1, batchSizeMax: 2 }, true)
  for (let i = 0; i < 5; i++) queue.load(`k${i}`)
  assert.throws(() => queue.load('k5'), { code: 'RESOURCE_EXHAUSTED' })
  await settled()
  assert.deepEqual(
    source.calls.map(({ keys }) => keys.length),
    [2, 2],
  )
  assert.equal(queue.counter('loads_queued'), 1)
})

test('a batch is given up only when all who wait for any of its keys have gone', async () => {
  const { source, ...queue } = fixture({}, true)
  const [one, two] = [new Cancel(), new Cancel()]
  const first = queue.load('a', one, 100)
  const second = queue.load('b', two, 200)
  await settled()
  assert.equal(source.call(1).limits.deadlineMs, 200)
  one.abort(new Error('gone'))
  await assert.rejects(first, { message: 'gone' })
  assert.equal(source.call(1).limits.cancel.aborted, false)
  two.abort(new Error('gone too'))
  await assert.rejects(second, { message: 'gone too' })
  assert.equal(source.call(1).limits.cancel.aborted, true)
})

test('at random, no more calls than allowed, no key twice, none lost, none begun after its waiter went', async () => {
  const random = new Prng(seedOf())
  for (const takesMany of [false, true]) {
    const bounds = { concurrencyMax: 1 + random.below(4), queueMax: random.below(8), batchSizeMax: 3 }
    const { source, ...queue } = fixture(bounds, takesMany)
    const gone = new Set<string>()
    const loads = new Map<string, { signal: Cancel; load: Promise<Loaded> }>()
    const open = new Set<number>()
    let seen = 0
    for (let step = 0; step < 400; step++) {
      const begun = new Set(source.keys)
      const action = random.below(4)
      if (action < 2) {
        const signal = new Cancel()
        try {
          loads.set(`k${step}`, { signal, load: queue.load(`k${step}`, signal) })
        } catch (thrown) {
          assert.equal((thrown as { code: string }).code, 'RESOURCE_EXHAUSTED')
        }
      } else if (action === 2) {
        const [key] = [...loads.keys()].filter((_, index) => index % 7 === step % 7)
        if (key && !begun.has(key)) gone.add(key)
        if (key) loads.get(key)!.signal.abort(new Error('gone'))
        if (key) loads.delete(key)
      } else if (open.size > 0) {
        const call = [...open][random.below(open.size)]!
        open.delete(call)
        const { keys } = source.calls[call]!
        await source.calls[call]!.answer(...keys)
        for (const key of keys) {
          if (loads.has(key)) assert.equal(await text(loads.get(key)!.load), key)
          loads.delete(key)
        }
      }
      if (random.below(2) === 0) await settled()
      for (; seen < source.calls.length; seen++) open.add(seen)
      assert.ok(open.size <= bounds.concurrencyMax, `${open.size} calls, ${bounds.concurrencyMax} allowed`)
      assert.ok(source.calls.every(({ keys }) => keys.length <= (takesMany ? 3 : 1)))
    }
    await settled()
    for (let call = 0; call < source.calls.length; call++) {
      await source.calls[call]!.answer(...source.calls[call]!.keys)
    }
    assert.equal(new Set(source.keys).size, source.keys.length)
    for (const key of gone) assert.ok(!source.keys.includes(key), `${key} began though nobody waited`)
    for (const [key, { load }] of loads) assert.equal(await text(load), key)
    assert.deepEqual([queue.counter('source_calls'), queue.counter('loads_queued')], [0, 0])
  }
})

/** Bound methods, so that a test can take the source apart from the queue. */
function fixture(
  bounds: Partial<LoadBounds>,
  takesMany = false,
): { source: GatedSource; load: QueueFixture['load']; counter: QueueFixture['counter'] } {
  const made = new QueueFixture(bounds, takesMany)
  return { source: made.source, load: made.load.bind(made), counter: made.counter.bind(made) }
}
