import { parseArgs } from 'node:util'
import { POLICY_NAMES } from '../../src/shared/policy-names.js'
import { nextTurn } from '../support/next-turn.js'
import { churnNode } from '../support/node-churn.js'
import { Prng } from '../support/prng.js'
import { churnStore } from '../support/store-churn.js'
import { tortureStore } from '../support/store-torture.js'

/** A round churns a node for so long, and then stores by themselves. */
const NODE_CHURN_MS = 45_000
const OWNER_LIFE_MS = 3000
const PROGRESS_INTERVAL_MS = 5000

const STORE_OPERATIONS = 100_000
const PAYLOAD_SHARE_MIN = 0.8

/** What the process may have grown by since its second round: code that is compiled, pages that malloc keeps. */
const GROWTH_BYTES_MAX = 128 << 20

/**
 * npm run stress -- --minutes N --seed S
 *
 * Rounds of three parts: a whole node under every operation at once, with several readers (node-churn.ts); one store with
 * owners that are terminated again and again, and readers that go on (store-torture.ts); one store against a model of
 * what it holds, with the share of payload (store-churn.ts). Ends with an exception at the first fault: a value that is
 * torn, old or another key's, a disagreement with the model, a budget that is exceeded, or a process that grows.
 */
async function stress(minutes: number, seed: number): Promise<void> {
  console.log(`${minutes} minutes, again with: npm run stress -- --minutes ${minutes} --seed ${seed}`)
  const startedMs = performance.now()
  const elapsed = () => `${Math.round((performance.now() - startedMs) / 1000)} s`
  let residentBytes = 0
  for (let round = 0; performance.now() - startedMs < minutes * 60_000; round++) {
    const roundSeed = seed + 1000 * round
    const leftMs = minutes * 60_000 - (performance.now() - startedMs)
    console.log(`${elapsed()}: round ${round}, seed ${roundSeed}`)
    await churnOneNode(roundSeed, Math.min(NODE_CHURN_MS, leftMs), elapsed)
    await tortureOneStore(roundSeed, elapsed)
    churnOneStore(roundSeed, elapsed)
    const rss = await residentBytesAtRest()
    if (round < 2) residentBytes = Math.max(residentBytes, rss)
    console.log(`${elapsed()}: ${rss >> 20} MiB resident after round ${round}`)
    if (rss > residentBytes + GROWTH_BYTES_MAX)
      throw new Error(`It grew from ${residentBytes} to ${rss} bytes`)
  }
  console.log(`${elapsed()}: no fault found`)
}

/** The memory of shared buffers is given back some turns after the last thread that knew them has let go. */
async function residentBytesAtRest(): Promise<number> {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.()
    await nextTurn()
  }
  return process.memoryUsage().rss
}

async function churnOneNode(seed: number, durationMs: number, elapsed: () => string): Promise<void> {
  let saidMs = performance.now()
  const report = await churnNode({
    seed,
    durationMs,
    readerCount: 2,
    onProgress: (progress) => {
      if (performance.now() - saidMs < PROGRESS_INTERVAL_MS) return
      saidMs = performance.now()
      console.log(`${elapsed()}: node ${JSON.stringify(progress)}`)
    },
  })
  console.log(`${elapsed()}: node, done ${JSON.stringify(report)}`)
}

async function tortureOneStore(seed: number, elapsed: () => string): Promise<void> {
  const random = new Prng(seed)
  const policy = POLICY_NAMES[random.below(POLICY_NAMES.length)]!
  const budgetBytes = [4096, 128 * 1024, 2 << 20][random.below(3)]!
  const valueBytesMax = Math.min(budgetBytes / 20, 20_000)
  for (const lives of [
    { owners: 1, ownerLifeMs: OWNER_LIFE_MS },
    { owners: 15, ownerLifeMs: 60 },
  ]) {
    const report = await tortureStore({ seed, readerCount: 2, budgetBytes, valueBytesMax, policy, ...lives })
    console.log(`${elapsed()}: store of ${budgetBytes} bytes, ${policy} ${JSON.stringify(report)}`)
  }
}

function churnOneStore(seed: number, elapsed: () => string): void {
  const { payloadShareMin } = churnStore({
    seed,
    operations: STORE_OPERATIONS,
    budgetBytes: 8 << 20,
    policy: 'lru',
    sizeBytesMin: 16,
    sizeBytesMax: 65_536,
  })
  console.log(`${elapsed()}: store, at least ${(100 * payloadShareMin).toFixed(1)} % payload`)
  if (payloadShareMin < PAYLOAD_SHARE_MIN) throw new Error('Too much memory lies idle')
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
await stress(Number(values.minutes ?? 10), Number(values.seed ?? Date.now() % 2 ** 31))
