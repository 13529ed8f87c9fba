import { Ring } from '../src/shared/ring.js'
import { prng } from '../test/support/prng.js'
import { median } from './distribution.js'
import type { Findings, Run, Suite } from './suite.js'

const SEED = 1
const NODE_COUNTS = [3, 10, 100]
const ROUNDS = 5

/** How evenly the ring spreads keys, and how long it takes to say whose a key is. */
export const suite: Suite = {
  name: 'ring',
  summary: 'shares of the nodes with CRC-32 and 150 virtual nodes each, and the cost of a look-up',
  async run(run: Run): Promise<Findings> {
    const keyCount = run.parameter('keys', 1000, 200_000)
    const keys = randomKeys(keyCount)
    const rows = NODE_COUNTS.map((nodeCount) => {
      const startedMs = performance.now()
      const ring = new Ring(addresses(nodeCount))
      const buildMs = performance.now() - startedMs
      const shares = [...ring.shares().values()].map((share) => share * nodeCount)
      const mean = shares.reduce((sum, share) => sum + share, 0) / nodeCount
      const deviation = Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / nodeCount)
      return [nodeCount, Math.min(...shares), Math.max(...shares), deviation, ownerNs(ring, keys), buildMs]
    })
    return {
      tables: [
        {
          title: 'Share of a node, 1 being fair',
          columns: [
            { name: 'nodes' },
            { name: 'smallest', digits: 3 },
            { name: 'largest', digits: 3 },
            { name: 'deviation', digits: 3 },
            { name: 'owner() ns' },
            { name: 'new ring ms', digits: 2 },
          ],
          rows,
        },
      ],
    }
  },
}

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}:8001`)
}

function randomKeys(count: number): Buffer[] {
  const random = prng(SEED)
  return Array.from({ length: count }, () => Buffer.from(`user:${Math.floor(random() * 1e9)}`))
}

/** Of the middle one of some rounds over all keys. */
function ownerNs(ring: Ring, keys: readonly Buffer[]): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now()
    let owned = 0
    for (const key of keys) if (ring.owner(key) !== undefined) owned++
    if (owned !== keys.length) throw new Error('A key had no owner')
    return ((performance.now() - startedMs) * 1e6) / keys.length
  })
  return median(rounds)
}
