import { assert } from '../../shared/assert.js'
import { HandOver } from './hand-over.js'
import { Miniatures } from './miniatures.js'
import type { EvictionPolicy, PolicyEntries, PolicyFactory } from './policy.js'
import { Sample } from './sample.js'

/**
 * The sample is thinned when the miniatures hold so many keys together. A small store is simulated whole, if it can
 * afford that: of few keys a sample says little.
 */
const KEY_COUNT_MAX = 2432
/** It is also thinned when the miniatures take more than this part of the memory: room for entries is worth more. */
const MEMORY_SHARE_MAX = 1 / 16
/** What is left of it: the less at a time, the more there is on average. */
const THINNING = 15 / 16
/** One key in a million. */
const SAMPLE_RATE_MIN = 2 ** -20
/**
 * What the miniatures are charged for more with each entry that comes in, until that is all that they may ever take: what
 * they take by then grows with the keys that come, and the capacity would shrink long after the store is full.
 */
const CHARGE_STEP_BYTES = 64

/** A candidate takes over once it is ahead by this part of the entries of a miniature, in hits, */
const LEAD_SHARE = 0.3
/** by twice that after every change, up to here, */
const LEAD_SHARE_MAX = 0.8
/** and by half of it again after so many requests for each entry without one. */
const CALM_PER_ENTRY = 64
/** Of few entries that part would be chance: it is never less than their root times this. */
const LEAD_PER_ROOT = 4
/** What a candidate must be better by, in hits per request, to gain on the active policy at all. */
const DRIFT = 0.002

/** What the sample takes is smoothed over so many requests for each entry of it, */
const SMOOTHING_PER_ENTRY = 4
/** and miniatures hear of it when they are off by more than this part: the less they are disturbed, the better. */
const MINIATURE_TOLERANCE = 1 / 32

/** Entries that change hands with each one that comes in. */
const HAND_OVER_STEP = 16

/**
 * Chooses among policies while the store runs, by simulating each of them in miniature (Waldspurger, Saemundsson,
 * Ahmad, Park, "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC'17): of a sample of the keys,
 * chosen by their hashes, each candidate runs a cache as many times smaller than the store as the sample is smaller than
 * the keys. What it would hit, the store would. A store of few entries is simulated whole.
 *
 * Of few keys a sample has now more, now less than its part, of entries of many sizes even more so: a loop that fits in
 * the miniatures may not fit in the store. So they get the part of the memory that the sample takes in the store.
 *
 *     requests ──► active policy                         all the entries
 *        └── those for a sample of the keys ──► miniature of each candidate, hits counted
 *
 * When to change: every candidate has a lead over the active policy, its hits minus the active one's and minus a little,
 * but never under 0 (CUSUM; Page, "Continuous inspection schemes", Biometrika 1954). A change of policy costs at most the
 * hits of refilling the cache, so a candidate takes over when its lead is a good part of a cache of hits. A large gain is
 * seen early, a small one late, chance cannot go far, and two policies that are equally good never alternate. All leads
 * start again at 0 after a change, and there is no other one before the {@link HandOver} is done. Changes soon after each
 * other say that the work goes up and down, as a loop does with every round: each asks for twice the lead of the last.
 *
 * Hits come from the readers' hints. As long as hints are lost, the active policy's hits are undercounted, in its
 * miniature as well; hints are lost only where there are hundreds of hits to a miss, and little to gain.
 */
export class AutoPolicy implements EvictionPolicy {
  readonly name = 'auto'
  readonly #slotCountMax: number
  readonly #candidates: readonly PolicyFactory[]
  readonly #miniatures: Miniatures
  /** By candidate: hits ahead of the active one. */
  readonly #leads: Float64Array
  readonly #entries: PolicyEntries
  /** What so many slots cost, kept, as it is asked for several times with every insert. */
  #policyBytes = 0
  #policyBytesFor = 0
  /** What is charged for the miniatures. */
  #miniaturesCharge = 0
  #policy: EvictionPolicy
  #handOver: HandOver | undefined
  #active = 0
  #entryCount = 0
  #capacityBytes = 0
  /** Part of the keys that are in the sample. */
  #sampleRate = 1
  /** Keys in the miniatures at which the sample is thinned. */
  #keyCountMax = 0
  readonly #sample: Sample
  /** What all entries take. */
  #usedBytes = 0
  /** Part of them that the sample takes, smoothed. */
  #sampleShare = 1
  /** As the miniatures know it. */
  #miniatureBytes = 0
  #isFull = false
  #leadShare = LEAD_SHARE
  /** Requests of the sample since the last change. */
  #calm = 0

  /** @param candidates the first of them is active at the start */
  constructor(slotCountMax: number, entries: PolicyEntries, candidates: readonly PolicyFactory[]) {
    this.#slotCountMax = slotCountMax
    this.#entries = entries
    this.#candidates = candidates
    this.#sample = new Sample(slotCountMax)
    this.#miniatures = new Miniatures(
      candidates,
      Math.min(KEY_COUNT_MAX, candidates.length * (slotCountMax + 1)),
    )
    this.#leads = new Float64Array(candidates.length)
    this.#policy = candidates[0]!(slotCountMax, entries)
  }

  /**
   * With the miniatures, and as if the costliest of the policies were active: a change costs nothing more. While entries
   * change hands, some of them take twice as much.
   */
  bytesFor(slotCount: number): number {
    if (slotCount !== this.#policyBytesFor) {
      this.#policyBytesFor = slotCount
      this.#policyBytes = this.#miniatures.policyBytesFor(slotCount) + Sample.BYTES_PER_SLOT * slotCount
    }
    return this.#policyBytes + this.#miniaturesCharge
  }

  /** Name of the policy in charge. */
  get active(): string {
    return this.#policy.name
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    this.#entryCount++
    this.#usedBytes += sizeBytes
    this.#policy.onInsert(slot, hash, sizeBytes)
    if (this.#isSampled(hash)) {
      this.#sample.add(slot, sizeBytes)
      this.#observe(hash, sizeBytes)
    }
    this.#advance()
    this.#charge()
  }

  onHit(slot: number): void {
    this.#policy.onHit(slot)
    this.#observeEntry(slot)
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    this.#policy.onReplace(slot, oldSizeBytes)
    const grownBytes = this.#entries.sizeOf(slot) - oldSizeBytes
    this.#usedBytes += grownBytes
    this.#sample.resize(slot, grownBytes)
    this.#observeEntry(slot)
  }

  onRemove(slot: number): void {
    this.#policy.onRemove(slot)
    const hash = this.#entries.hashOf(slot)
    if (this.#isSampled(hash)) this.#miniatures.remove(hash)
    this.#leave(slot)
  }

  evict(): number {
    this.#isFull = true
    const slot = this.#policy.evict()
    if (slot >= 0) this.#leave(slot)
    return slot
  }

  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes
    this.#policy.setCapacity(capacityBytes)
    const affordable = Math.floor((MEMORY_SHARE_MAX * capacityBytes) / this.#miniatures.bytesPerKey)
    // With its part of the miniatures, the first entry must not be too large to come in.
    this.#keyCountMax = Math.max(1, Math.min(this.#miniatures.keyCountMax, affordable))
    this.#scale()
    this.#thin()
  }

  check(): void {
    this.#policy.check()
    this.#miniatures.check()
    const { bytes, bytesPerKey, keyCountMax } = this.#miniatures
    assert(bytes <= (keyCountMax + 1) * bytesPerKey, 'The miniatures take more than they may be charged for')
    assert(this.#entryCount >= 0, 'The entries are miscounted')
    assert(this.#sample.bytes <= this.#usedBytes, 'The bytes of the entries are wrong')
    this.#sample.check(this.#entries)
  }

  /** By other bits than those that choose shard and chain of a key, or its places in sketches and ghost tables. */
  #isSampled(hash: number): boolean {
    return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0 < this.#sampleRate * 2 ** 32
  }

  /** Lets the miniatures have fewer keys when they have too many. */
  #thin(): void {
    while (this.#miniatures.keyCount >= this.#keyCountMax && this.#sampleRate > SAMPLE_RATE_MIN) {
      this.#sampleRate *= THINNING
      this.#miniatures.retain((hash) => this.#isSampled(hash))
      this.#sample.retain(this.#entries, (hash) => this.#isSampled(hash))
      this.#scale()
    }
  }

  /** Until it is weighed anew, the sample is taken to have its part of the store. */
  #scale(): void {
    this.#sampleShare = this.#sampleRate
    this.#miniatureBytes = 0
    this.#fitMiniatures()
  }

  #charge(): void {
    const bytesMax = this.#keyCountMax * this.#miniatures.bytesPerKey
    if (this.#miniaturesCharge < bytesMax) {
      this.#miniaturesCharge = Math.min(bytesMax, this.#miniaturesCharge + CHARGE_STEP_BYTES)
    }
  }

  /** Looks how much of the store the sample takes by now. There is an entry. */
  #weighSample(): void {
    const share = this.#sample.bytes / this.#usedBytes
    const requestCount = 1 + SMOOTHING_PER_ENTRY * (this.#entryCount * this.#sampleRate)
    this.#sampleShare += (share - this.#sampleShare) / requestCount
    this.#fitMiniatures()
  }

  #fitMiniatures(): void {
    const bytes = Math.floor(this.#capacityBytes * this.#sampleShare)
    if (Math.abs(bytes - this.#miniatureBytes) <= this.#miniatureBytes * MINIATURE_TOLERANCE) return
    this.#miniatureBytes = bytes
    this.#miniatures.setCapacity(bytes)
  }

  #leave(slot: number): void {
    const sizeBytes = this.#entries.sizeOf(slot)
    this.#entryCount--
    this.#usedBytes -= sizeBytes
    this.#sample.remove(slot, sizeBytes)
  }

  /** A request for the entry in a slot, if there is one. */
  #observeEntry(slot: number): void {
    const hash = this.#entries.hashOf(slot)
    if (!this.#isSampled(hash)) return
    const sizeBytes = this.#entries.sizeOf(slot)
    if (sizeBytes > 0) this.#observe(hash, sizeBytes)
  }

  /** A request for a key of the sample. */
  #observe(hash: number, sizeBytes: number): void {
    if (this.#isFull) this.#weighSample()
    const hits = this.#miniatures.request(hash, sizeBytes)
    const hitOfActive = (hits >>> this.#active) & 1
    let ahead = -1
    for (let candidate = 0; candidate < this.#leads.length; candidate++) {
      if (candidate === this.#active) continue
      const gain = ((hits >>> candidate) & 1) - hitOfActive - DRIFT
      const lead = Math.max(0, this.#leads[candidate]! + gain)
      this.#leads[candidate] = lead
      if (ahead < 0 || lead > this.#leads[ahead]!) ahead = candidate
    }
    this.#thin()
    // Before the first eviction there is nothing to choose between.
    if (!this.#isFull || this.#handOver !== undefined) return
    const sampledCount = this.#entryCount * this.#sampleRate
    if (++this.#calm > CALM_PER_ENTRY * sampledCount) {
      this.#calm = 0
      this.#leadShare = Math.max(LEAD_SHARE, this.#leadShare / 2)
    }
    const leadMin = Math.max(LEAD_PER_ROOT * Math.sqrt(sampledCount), this.#leadShare * sampledCount)
    if (ahead >= 0 && this.#leads[ahead]! >= leadMin) this.#change(ahead)
  }

  #change(candidate: number): void {
    const next = this.#candidates[candidate]!(this.#slotCountMax, this.#entries)
    next.setCapacity(this.#capacityBytes)
    this.#leads.fill(0)
    this.#leadShare = Math.min(LEAD_SHARE_MAX, 2 * this.#leadShare)
    this.#calm = 0
    this.#active = candidate
    this.#handOver = new HandOver(this.#policy, next, {
      slotCountMax: this.#slotCountMax,
      entryCount: this.#entryCount,
      hashOf: (slot) => this.#entries.hashOf(slot),
      sizeOf: (slot) => this.#entries.sizeOf(slot),
    })
    this.#policy = this.#handOver
  }

  #advance(): void {
    if (this.#handOver === undefined) return
    this.#handOver.step(HAND_OVER_STEP)
    if (!this.#handOver.isDone) return
    this.#policy = this.#handOver.to
    this.#handOver = undefined
  }
}
