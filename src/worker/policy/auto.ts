import { assert } from '../../shared/assert.js'
import { HandOver } from './hand-over.js'
import { Miniature } from './miniature.js'
import type { EvictionPolicy, PolicyEntries, PolicyFactory } from './policy.js'
import { Sample } from './sample.js'

/**
 * The sample is halved when it has come to twice this many entries. A smaller store is simulated whole, if it can afford
 * that: of few keys a sample says little.
 */
const SAMPLE_ENTRIES = 1024
/** It is also halved when the miniatures take more than this part of the memory: room for entries is worth more. */
const MEMORY_SHARE_MAX = 1 / 16
/** A miniature whose entries are smaller than those of the store holds more of them, up to here. */
const MINIATURE_SLOT_COUNT_MAX = 4 * SAMPLE_ENTRIES

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

/** One key in a million. */
const SAMPLE_BITS_MAX = 20

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
 *        └── 1 in 1, 2, 4, … ──► miniature of each candidate, hits counted
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
  readonly #miniatures: readonly Miniature[]
  /** By candidate: hits ahead of the active one. */
  readonly #leads: Float64Array
  readonly #entries: PolicyEntries
  /** State of a slot in whichever policy needs most, and its mark. */
  readonly #policyBytesPerSlot: number
  readonly #miniatureBytesPerSlot: number
  /** Kept, as it is asked for with every insert. */
  #bytesPerSlot = 0
  #policy: EvictionPolicy
  #handOver: HandOver | undefined
  #active = 0
  #entryCount = 0
  #capacityBytes = 0
  /** Bits of the hash that choose the sample: one key in two to the power of that. */
  #sampleBits = 0
  /** Entries at which the sample is halved. */
  #thinAt = 0
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
    // A power of two, as its chains need.
    const miniatureSlotCount = Math.min(MINIATURE_SLOT_COUNT_MAX, 2 ** Math.ceil(Math.log2(slotCountMax + 1)))
    this.#miniatures = candidates.map((create) => new Miniature(create, miniatureSlotCount))
    this.#leads = new Float64Array(candidates.length)
    const costs = this.#miniatures.map(({ bytesPerSlot }) => bytesPerSlot)
    this.#policyBytesPerSlot = Math.max(...costs) - Miniature.BYTES_PER_SLOT + Sample.BYTES_PER_SLOT
    this.#miniatureBytesPerSlot = costs.reduce((sum, bytes) => sum + bytes, 0)
    this.#policy = candidates[0]!(slotCountMax, entries)
    this.#scale()
  }

  /** With its part of the miniatures. While entries change hands, some of them cost twice as much. */
  get bytesPerSlot(): number {
    return this.#bytesPerSlot
  }

  /** Name of the policy in charge. */
  get active(): string {
    return this.#policy.name
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    this.#entryCount++
    this.#usedBytes += sizeBytes
    this.#policy.onInsert(slot, hash, sizeBytes)
    this.#thin()
    if (this.#isSampled(hash)) {
      this.#sample.add(slot, sizeBytes)
      this.#observe(hash, sizeBytes)
    }
    this.#advance()
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
    if (this.#isSampled(hash)) for (const miniature of this.#miniatures) miniature.remove(hash)
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
    this.#scale()
  }

  check(): void {
    this.#policy.check()
    for (const miniature of this.#miniatures) miniature.check()
    assert(this.#entryCount >= 0, 'The entries are miscounted')
    assert(this.#sample.bytes <= this.#usedBytes, 'The bytes of the entries are wrong')
    this.#sample.check(this.#entries)
  }

  /** By other bits than those that choose shard and chain of a key, or its places in sketches and ghost tables. */
  #isSampled(hash: number): boolean {
    return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 1) >>> (31 - this.#sampleBits) === 0
  }

  /** Halves the sample when the store has so many entries that half of it will do, or has to. */
  #thin(): void {
    if (this.#entryCount < this.#thinAt || this.#sampleBits === SAMPLE_BITS_MAX) return
    this.#sampleBits++
    this.#scale()
  }

  #scale(): void {
    const affordable = (MEMORY_SHARE_MAX * this.#capacityBytes) / this.#miniatureBytesPerSlot
    // With its part of the miniatures, the first entry must not be too large to come in.
    const bitsMin = affordable > 0 ? Math.ceil(-Math.log2(affordable)) : 0
    this.#sampleBits = Math.min(Math.max(this.#sampleBits, bitsMin), SAMPLE_BITS_MAX)
    this.#bytesPerSlot = this.#policyBytesPerSlot + this.#miniatureBytesPerSlot / 2 ** this.#sampleBits
    this.#thinAt = Math.min(2 * SAMPLE_ENTRIES, affordable) * 2 ** this.#sampleBits
    for (const miniature of this.#miniatures) miniature.retain((hash) => this.#isSampled(hash))
    this.#sample.retain(this.#entries, (hash) => this.#isSampled(hash))
    this.#sampleShare = 1 / 2 ** this.#sampleBits
    this.#miniatureBytes = 0
    this.#fitMiniatures()
  }

  /** Looks how much of the store the sample takes by now. There is an entry. */
  #weighSample(): void {
    const share = this.#sample.bytes / this.#usedBytes
    const requestCount = 1 + SMOOTHING_PER_ENTRY * (this.#entryCount / 2 ** this.#sampleBits)
    this.#sampleShare += (share - this.#sampleShare) / requestCount
    this.#fitMiniatures()
  }

  #fitMiniatures(): void {
    const bytes = Math.floor(this.#capacityBytes * this.#sampleShare)
    if (Math.abs(bytes - this.#miniatureBytes) <= this.#miniatureBytes * MINIATURE_TOLERANCE) return
    this.#miniatureBytes = bytes
    for (const miniature of this.#miniatures) miniature.setCapacity(bytes)
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
    const hitOfActive = this.#miniatures[this.#active]!.request(hash, sizeBytes)
    let ahead = -1
    for (let candidate = 0; candidate < this.#miniatures.length; candidate++) {
      if (candidate === this.#active) continue
      const miniature = this.#miniatures[candidate]!
      const gain = Number(miniature.request(hash, sizeBytes)) - Number(hitOfActive) - DRIFT
      const lead = Math.max(0, this.#leads[candidate]! + gain)
      this.#leads[candidate] = lead
      if (ahead < 0 || lead > this.#leads[ahead]!) ahead = candidate
    }
    // Before the first eviction there is nothing to choose between.
    if (!this.#isFull || this.#handOver !== undefined) return
    const sampledCount = this.#entryCount / 2 ** this.#sampleBits
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
