import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { loopWorkload, mixedWorkload, zipfWorkload } from '../../../bench/workload.js'
import { LfuPolicy } from '../../../src/worker/policy/lfu.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import type { PolicyFactory } from '../../../src/worker/policy/policy.js'
import { prng } from '../../support/prng.js'
import { NAIVE_POLICIES } from './naive-policies.js'
import { PolicyShard } from './policy-shard.js'

const CREATE: Record<string, PolicyFactory> = {
  ...POLICIES,
  lfu: (slotCountMax) => new LfuPolicy(slotCountMax, { ageing: false }),
}

for (const [name, createNaive] of Object.entries(NAIVE_POLICIES)) {
  test(`${name} decides as its naive version does, request by request`, () => {
    const seed = randomInt(2 ** 31)
    const random = prng(seed)
    for (let run = 0; run < 12; run++) {
      const capacity = 1 + Math.floor(random() * 60)
      const keyCount = 2 + Math.floor(random() * 3 * capacity)
      const workloads = [
        zipfWorkload(3_000, keyCount, random),
        loopWorkload(1_000, keyCount),
        mixedWorkload(3_000, keyCount, random),
        // A loop that fits comes and goes with one that does not.
        loopWorkload(500, capacity),
        zipfWorkload(2_000, 4 * keyCount, random),
      ]
      const shard = new PolicyShard(CREATE[name]!, capacity, capacity)
      const naive = createNaive(capacity)
      for (const { name: workload, keys } of workloads) {
        for (const [request, key] of keys.entries()) {
          const { hit, evicted } = naive.request(key)
          const where = `seed ${seed}, run ${run}, ${workload}, request ${request} of ${capacity} entries`
          assert.equal(shard.hit(key), hit, where)
          if (!hit) assert.deepEqual(shard.set(key, 1), evicted === undefined ? [] : [evicted], where)
        }
        shard.policy.check()
      }
    }
  })
}
