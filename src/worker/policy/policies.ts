import type { PolicyName } from '../../shared/policy-names.js'
import { TwoQueuePolicy } from './2q.js'
import { AutoPolicy } from './auto.js'
import { ClockPolicy } from './clock.js'
import { FifoPolicy } from './fifo.js'
import { LfuPolicy } from './lfu.js'
import { LruPolicy } from './lru.js'
import type { PolicyFactory } from './policy.js'
import { S3FifoPolicy } from './s3fifo.js'
import { SievePolicy } from './sieve.js'
import { WTinyLfuPolicy } from './w-tinylfu.js'

/**
 * What `auto` chooses among: policies whose weak spots lie apart. It starts with S3-FIFO in the form that lets an entry
 * stay after one hit, since that is the one that is never far behind. W-TinyLFU with a small window is better at loops
 * and scans, with a large one where popularity drifts; LRU where all that counts is how lately; FIFO where LRU keeps what
 * will not come back. Instead of one window that climbs there are two to choose from.
 *
 * Ghosts and sketches are small, so that none of them costs three bytes an entry more than LRU: of entries of 100 bytes,
 * a twentieth more fit, which is worth more than the tenths of a point that precision is worth.
 */
const AUTO_CANDIDATES: readonly PolicyFactory[] = [
  (slotCountMax, entries) => new S3FifoPolicy(slotCountMax, entries, { hitsToPromote: 1, ghostShare: 0.36 }),
  (slotCountMax, entries) =>
    new WTinyLfuPolicy(slotCountMax, entries, { windowShare: 0.01, firstStep: 'none', compact: true }),
  (slotCountMax, entries) =>
    new WTinyLfuPolicy(slotCountMax, entries, { windowShare: 0.3, firstStep: 'none', compact: true }),
  (slotCountMax) => new LruPolicy(slotCountMax),
  (slotCountMax) => new FifoPolicy(slotCountMax),
]

/** How every policy is made: the only file that knows them all. */
export const POLICIES: Readonly<Record<PolicyName, PolicyFactory>> = {
  fifo: (slotCountMax) => new FifoPolicy(slotCountMax),
  lru: (slotCountMax) => new LruPolicy(slotCountMax),
  lfu: (slotCountMax) => new LfuPolicy(slotCountMax),
  clock: (slotCountMax) => new ClockPolicy(slotCountMax),
  '2q': (slotCountMax, entries) => new TwoQueuePolicy(slotCountMax, entries),
  sieve: (slotCountMax) => new SievePolicy(slotCountMax),
  s3fifo: (slotCountMax, entries) => new S3FifoPolicy(slotCountMax, entries),
  'w-tinylfu': (slotCountMax, entries) => new WTinyLfuPolicy(slotCountMax, entries),
  auto: (slotCountMax, entries) => new AutoPolicy(slotCountMax, entries, AUTO_CANDIDATES),
}
