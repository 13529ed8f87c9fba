import { assert } from '../../shared/assert.js'
import { FrequencySketch } from './frequency-sketch.js'
import { HillClimber } from './hill-climber.js'
import type { EvictionPolicy, PolicyEntries } from './policy.js'
import { SlotLists } from './slot-list.js'
import { SlotStates } from './slot-states.js'

const WINDOW = 0
const PROBATION = 1
const PROTECTED = 2
type Region = typeof WINDOW | typeof PROBATION | typeof PROTECTED
const REGIONS = [WINDOW, PROBATION, PROTECTED] as const

/** The protected part of all that is not window. */
const PROTECTED_SHARE_OF_MAIN = 0.8

/** The window is fitted once per so many requests for each entry. */
const CLIMB_SAMPLE_PER_ENTRY = 10

/** A candidate of at least this frequency that has lost is let in all the same, once in so many times. */
const JITTER_FREQUENCY_MIN = 6
const JITTER_ONE_IN = 128

/** Entries that change their part with each request while the parts are not as they should be. */
const SETTLE_STEP = 64

export interface WTinyLfuOptions {
  /** Share of the window at the start. Default 1 %. */
  readonly windowShare?: number
  /** What becomes of the window at first; with 'none' it stays as it is for ever. Default 'grow'. */
  readonly firstStep?: 'grow' | 'shrink' | 'none'
  /** A sketch of a quarter of the bytes. Default false. */
  readonly compact?: boolean
}

/**
 * W-TinyLFU (Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM ToS 2017) with a
 * window that adapts (the same with Eytan, "Adaptive Software Cache Management", Middleware'18).
 *
 *     new ──► window (LRU) ──── more frequent? ────► probation ── hit ──► protected
 *                  │                                     │     ◄── full ──┘
 *                  └─ no: gives up the candidate         └─ yes: gives up the victim
 *
 * A new entry enters the window. When room is needed, the oldest entry of the window, the candidate, meets the oldest
 * one on probation, the victim, and the one that a {@link FrequencySketch} has seen less often goes; at a draw the
 * candidate. So a scan passes through the window and leaves the rest alone. A {@link HillClimber} moves bytes between
 * window and protected part: more window for recency, less for frequency. The entries follow a few at a time.
 *
 * Choices: room is made before the newcomer enters the window, so that the window gives its candidate ahead of time.
 * The victim goes without a contest while the main part has more than its share without it, as after a large candidate
 * has won, or when the window is empty. What overflows the window of a full cache waits there for the next eviction, so
 * that nothing reaches the main part of a full cache unasked. A victim kept alive by colliding keys is worn out by
 * jitter, as in Caffeine: a popular candidate now and then wins although it has lost. The window starts at 1 % and grows
 * first: there is nothing to shrink, and no time to lose where recency is all that counts.
 */
export class WTinyLfuPolicy implements EvictionPolicy {
  readonly name = 'w-tinylfu'
  private readonly entries: PolicyEntries
  private readonly lists: SlotLists
  private readonly regionOf: SlotStates
  private readonly sketch: FrequencySketch
  private readonly climber: HillClimber | undefined
  private readonly bytes: [window: number, probation: number, protectedBytes: number] = [0, 0, 0]
  private entryCount = 0
  private capacityBytes = 0
  private windowShare: number
  private protectedShare: number
  private windowBytesMax = 0
  private protectedBytesMax = 0
  /** An entry was evicted since the last insert: the cache is full. */
  private full = false
  private jitter = 1
  /** Entries are still to move: into the window, out of it, or out of the protected part alone. */
  private settling: 'into' | 'out' | 'within' | undefined

  constructor(
    slotCountMax: number,
    entries: PolicyEntries,
    { windowShare = 0.01, firstStep = 'grow', compact = false }: WTinyLfuOptions = {},
  ) {
    this.entries = entries
    this.lists = new SlotLists(slotCountMax, REGIONS.length)
    this.regionOf = new SlotStates(slotCountMax, 2)
    this.sketch = new FrequencySketch({ compact })
    this.windowShare = windowShare
    this.protectedShare = PROTECTED_SHARE_OF_MAIN * (1 - windowShare)
    this.climber = firstStep === 'none' ? undefined : new HillClimber(firstStep === 'grow' ? 1 : -1)
  }

  bytesFor(slotCount: number): number {
    const besideLists = this.regionOf.bytesPerSlot + this.sketch.bytesPerEntry
    return this.lists.bytesFor(slotCount) + besideLists * slotCount
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    this.entryCount++
    this.sketch.fit(this.entryCount)
    this.sketch.add(hash)
    this.enter(WINDOW, slot, sizeBytes)
    if (!this.full && this.bytes[WINDOW] > this.windowBytesMax) this.settling ??= 'out'
    this.climber?.recordMiss()
    this.climb()
    this.settle()
    this.full = false
  }

  onHit(slot: number): void {
    if (!this.lists.has(slot)) return
    this.sketch.add(this.entries.hashOf(slot))
    if (this.regionOf.get(slot) === PROBATION && this.entries.sizeOf(slot) <= this.protectedBytesMax) {
      this.move(slot, PROTECTED)
    } else {
      this.lists.moveToHead(this.regionOf.get(slot), slot)
    }
    this.climber?.recordHit()
    this.climb()
    this.settle()
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    this.bytes[this.regionOf.get(slot) as Region] += this.entries.sizeOf(slot) - oldSizeBytes
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.leave(slot)
    this.entryCount--
  }

  evict(): number {
    const { lists } = this
    this.full = true
    const windowTail = lists.tail(WINDOW)
    const probationTail = lists.tail(PROBATION)
    const victim = probationTail >= 0 ? probationTail : lists.tail(PROTECTED)
    if (windowTail < 0 && victim < 0) return -1
    let evicted = victim
    if (victim < 0) {
      evicted = windowTail
    } else if (windowTail >= 0 && !this.mainCanSpare(victim)) {
      if (this.admits(windowTail, victim)) this.move(windowTail, PROBATION)
      else evicted = windowTail
    }
    this.onRemove(evicted)
    return evicted
  }

  setCapacity(capacityBytes: number): void {
    this.capacityBytes = capacityBytes
    this.applyShares()
    this.settle()
  }

  check(): void {
    assert(this.lists.check(REGIONS) === this.entryCount, 'An entry is lost')
    for (const region of REGIONS) {
      let bytes = 0
      for (const slot of this.lists.slots(region)) {
        assert(this.regionOf.get(slot) === region, 'An entry misses its region')
        bytes += this.entries.sizeOf(slot)
      }
      assert(bytes === this.bytes[region], 'The bytes of a region are wrong')
    }
    assert(
      this.bytes[PROTECTED] <= this.protectedBytesMax || this.settling !== undefined,
      'The protected part is over its share',
    )
    assert(
      this.windowBytesMax + this.protectedBytesMax <= Math.max(1, this.capacityBytes),
      'The shares overlap',
    )
  }

  /** Whether the main part would still have its share without the victim. */
  private mainCanSpare(victim: number): boolean {
    const mainBytes = this.bytes[PROBATION] + this.bytes[PROTECTED]
    return mainBytes - this.entries.sizeOf(victim) >= this.capacityBytes - this.windowBytesMax
  }

  private admits(candidate: number, victim: number): boolean {
    const candidateFrequency = this.sketch.frequency(this.entries.hashOf(candidate))
    if (candidateFrequency > this.sketch.frequency(this.entries.hashOf(victim))) return true
    return candidateFrequency >= JITTER_FREQUENCY_MIN && this.nextJitter() % JITTER_ONE_IN === 0
  }

  private enter(region: Region, slot: number, sizeBytes: number): void {
    this.lists.addHead(region, slot)
    this.regionOf.set(slot, region)
    this.bytes[region] += sizeBytes
  }

  private leave(slot: number): void {
    this.lists.remove(slot)
    this.bytes[this.regionOf.get(slot) as Region] -= this.entries.sizeOf(slot)
  }

  private move(slot: number, region: Region): void {
    this.leave(slot)
    this.enter(region, slot, this.entries.sizeOf(slot))
  }

  /** Gives a few entries the part in which they should be. */
  private settle(): void {
    const isOver = this.bytes[PROTECTED] > this.protectedBytesMax
    if (!isOver && this.settling === undefined) return
    let count = 0
    while (count < SETTLE_STEP && this.settleOne()) count++
    if (count < SETTLE_STEP) this.settling = undefined
    else this.settling ??= 'within'
  }

  /** False when there is nothing to move. */
  private settleOne(): boolean {
    const { lists, bytes } = this
    if (bytes[PROTECTED] > this.protectedBytesMax) {
      this.move(lists.tail(PROTECTED), PROBATION)
      return true
    }
    if (this.settling === 'out') {
      if (bytes[WINDOW] <= this.windowBytesMax) return false
      this.move(lists.tail(WINDOW), PROBATION)
      return true
    }
    return this.settling === 'into' && this.fillWindow()
  }

  private applyShares(): void {
    this.windowBytesMax = Math.max(1, Math.round(this.windowShare * this.capacityBytes))
    this.protectedBytesMax = Math.min(
      Math.floor(this.protectedShare * this.capacityBytes),
      Math.max(0, this.capacityBytes - this.windowBytesMax),
    )
  }

  private climb(): void {
    const step = this.climber?.climb(CLIMB_SAMPLE_PER_ENTRY * this.entryCount) ?? 0
    if (step === 0) return
    const share = Math.max(-this.windowShare, Math.min(step, this.protectedShare))
    this.windowShare += share
    this.protectedShare -= share
    this.applyShares()
    this.settling = share < 0 ? 'out' : 'into'
  }

  /** Moves the entry that would go next to the grown window, for a second chance; false when it does not fit. */
  private fillWindow(): boolean {
    const { lists } = this
    const probationTail = lists.tail(PROBATION)
    const slot = probationTail >= 0 ? probationTail : lists.tail(PROTECTED)
    if (slot < 0 || this.bytes[WINDOW] + this.entries.sizeOf(slot) > this.windowBytesMax) return false
    this.move(slot, WINDOW)
    return true
  }

  /** Xorshift (Marsaglia, 2003). Chance has to be cheap here, not good. */
  private nextJitter(): number {
    let bits = this.jitter
    bits ^= bits << 13
    bits ^= bits >>> 17
    bits ^= bits << 5
    this.jitter = bits
    return bits >>> 0
  }
}
