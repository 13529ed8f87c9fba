import { parseArgs } from 'node:util'
import { POLICIES } from '../../src/worker/policy/policies.js'
import { churnStore } from '../support/store-churn.js'
import { tortureStore } from '../support/store-torture.js'

const CHURN_OPERATIONS = 10_000_000
const PAYLOAD_SHARE_MIN = 0.8

/**
 * node dist/test/stress/store-stress.js --minutes N --seed S
 *
 * Ten million operations of churn first, then rounds of store torture over all policies and several budgets, with and
 * without owners that are terminated. Ends with an exception at the first fault.
 */
async function stress(minutes: number, seed: number): Promise<void> {
  console.log(`seed ${seed}`)
  const churn = churnStore({
    seed,
    operations: CHURN_OPERATIONS,
    budgetBytes: 64 << 20,
    policy: 'lru',
    sizeBytesMin: 16,
    sizeBytesMax: 65_536,
  })
  console.log(`churn, ${CHURN_OPERATIONS} operations: at least ${percent(churn.payloadShareMin)} payload`)
  if (churn.payloadShareMin < PAYLOAD_SHARE_MIN) throw new Error('Too much memory lies idle')

  const policies = Object.keys(POLICIES)
  const budgetsBytes = [4096, 128 * 1024, 2 << 20]
  const endsMs = performance.now() + minutes * 60_000
  for (let round = 0; performance.now() < endsMs; round++) {
    const policy = policies[round % policies.length]!
    const budgetBytes = budgetsBytes[round % budgetsBytes.length]!
    const report = await tortureStore({
      seed: seed + 1000 * round,
      readerCount: 3,
      budgetBytes,
      valueBytesMax: Math.min(budgetBytes / 20, 20_000),
      policy,
      ...(round % 2 === 0 ? { owners: 1, ownerLifeMs: 10_000 } : { owners: 60, ownerLifeMs: 40 }),
    })
    console.log(policy, budgetBytes, JSON.stringify(report))
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
await stress(Number(values.minutes ?? 1), Number(values.seed ?? Date.now() % 2 ** 31))
