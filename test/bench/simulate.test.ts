import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateClairvoyant } from '../../bench/clairvoyant.js'
import { ENTRY_BYTES, simulate } from '../../bench/simulate.js'
import { type Trace, traceOf } from '../../bench/trace.js'
import { loopWorkload, mixedWorkload, zipfWorkload } from '../../bench/workload.js'
import { LfuPolicy } from '../../src/worker/policy/lfu.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import type { PolicyFactory } from '../../src/worker/policy/policy.js'
import { prng } from '../support/prng.js'
import { NAIVE_POLICIES } from '../worker/policy/naive-policies.js'

const CAPACITY = 100

const WORKLOADS = {
  zipf: () => zipfWorkload(20_000, 1_000, prng(1)),
  loop: () => loopWorkload(20_000, 120),
  mixed: () => mixedWorkload(20_000, 300, prng(2)),
}

const CONTESTANTS: Record<string, PolicyFactory> = {
  ...POLICIES,
  'lfu without ageing': (slotCountMax) => new LfuPolicy(slotCountMax, { ageing: false }),
}

/** Hits of {@link CAPACITY} entries: to be changed only with a reason that the change of rules gives. */
const GOLDEN_HITS: Record<string, Record<keyof typeof WORKLOADS, number>> = {
  fifo: { zipf: 10458, loop: 0, mixed: 12618 },
  lru: { zipf: 11556, loop: 0, mixed: 13418 },
  lfu: { zipf: 12961, loop: 0, mixed: 14034 },
  clock: { zipf: 11815, loop: 0, mixed: 13555 },
  '2q': { zipf: 12657, loop: 13885, mixed: 13834 },
  sieve: { zipf: 13354, loop: 0, mixed: 14254 },
  s3fifo: { zipf: 13113, loop: 12776, mixed: 14133 },
  'w-tinylfu': { zipf: 13183, loop: 14685, mixed: 14189 },
  auto: { zipf: 13270, loop: 15038, mixed: 14176 },
  'lfu without ageing': { zipf: 13317, loop: 0, mixed: 8686 },
}

for (const [name, createPolicy] of Object.entries(CONTESTANTS)) {
  test(`${name} has the hits that it always had`, () => {
    for (const [workload, create] of Object.entries(WORKLOADS)) {
      const entryBytes = name === 'auto' ? ENTRY_BYTES : 1
      const hits = simulate(createPolicy, create(), CAPACITY, { entryBytes })
      assert.equal(hits, GOLDEN_HITS[name]?.[workload as keyof typeof WORKLOADS], workload)
    }
  })
}

test('the golden hits are those of the naive versions', () => {
  for (const [name, createNaive] of Object.entries(NAIVE_POLICIES)) {
    for (const [workload, create] of Object.entries(WORKLOADS)) {
      const naive = createNaive(CAPACITY)
      let hits = 0
      for (const key of create().keys) if (naive.request(key).hit) hits++
      const golden = GOLDEN_HITS[name === 'lfu' ? 'lfu without ageing' : name]!
      assert.equal(hits, golden[workload as keyof typeof WORKLOADS], `${name}, ${workload}`)
    }
  }
})

test('simulate holds the bytes of a trace with sizes within the capacity', () => {
  const keys = Int32Array.from([0, 1, 2, 0, 1, 2, 0])
  const sized: Trace = { ...traceOf('sized', keys), sizes: Uint32Array.from([60, 40, 200, 60, 40, 200, 60]) }
  assert.equal(
    simulate(POLICIES.lru, sized, 100, { sizes: 'trace' }),
    3,
    'key 2 never fits and drives nobody out',
  )
  assert.equal(simulate(POLICIES.lru, sized, 99, { sizes: 'trace' }), 0)
})

test('simulateClairvoyant finds the best that there is', () => {
  const random = prng(3)
  for (let run = 0; run < 200; run++) {
    const keys = Int32Array.from({ length: 12 }, () => Math.floor(random() * 5))
    const capacity = 1 + (run % 3)
    const trace = traceOf('tiny', keys)
    assert.equal(
      simulateClairvoyant(trace, capacity),
      bestHits(keys, capacity),
      `${keys}, ${capacity} entries`,
    )
  }
})

test('no policy has more hits than the clairvoyant one', () => {
  for (const create of Object.values(WORKLOADS)) {
    const trace = create()
    const most = simulateClairvoyant(trace, CAPACITY)
    for (const createPolicy of Object.values(CONTESTANTS)) {
      assert.ok(simulate(createPolicy, trace, CAPACITY) <= most)
    }
  }
})

/** Tries everything that can be given up at every miss. */
function bestHits(keys: Int32Array, capacity: number): number {
  let best = new Map([['', 0]])
  for (const key of keys) {
    const next = new Map<string, number>()
    const note = (held: string[], hits: number) => {
      const state = held.sort().join()
      next.set(state, Math.max(hits, next.get(state) ?? 0))
    }
    for (const [state, hits] of best) {
      const held = state === '' ? [] : state.split(',')
      if (held.includes(`${key}`)) note(held, hits + 1)
      else if (held.length < capacity) note([...held, `${key}`], hits)
      else for (const victim of held) note([...held.filter((other) => other !== victim), `${key}`], hits)
    }
    best = next
  }
  return Math.max(...best.values())
}
