import { CacheError } from '../shared/errors.js'
import { DrainingPolicy } from './policy/draining.js'
import { HandOver } from './policy/hand-over.js'
import type { EvictionPolicy, PolicyEntries, PolicyFactory } from './policy/policy.js'

/** A policy hears of another capacity only when it is off by more than this part: small moves are not worth the work. */
const CAPACITY_TOLERANCE = 1 / 64

/** Entries that change hands with every write while a policy takes over. */
const HAND_OVER_STEP = 16
/** And with every round of housekeeping: less than a millisecond of work. */
export const HAND_OVER_COUNT_MAX = 4096

/** What the policy of a store needs to know of it. */
export interface PolicyNeeds extends PolicyEntries {
  readonly slotCountMax: number
  /** Entries in the store. */
  entryCount(): number
  /** Asked while there are entries and none had to go: how many there will be, and what they will take. */
  whenFull(): { readonly entryCount: number; readonly usedBytes: number }
}

/**
 * The policy of a store, and its change for another one while the store runs: entries go over a few at a time, none is
 * lost. Meanwhile the old policy's state is in memory beside what the new one has got; only one of them is charged.
 */
export class StorePolicy {
  readonly #needs: PolicyNeeds
  #create: PolicyFactory
  #current: EvictionPolicy
  #handOver: HandOver | undefined
  #draining: DrainingPolicy | undefined
  /** Asked for while another change is under way; the last one counts. */
  #wanted: PolicyFactory | undefined
  #capacityBytes: number
  /** Most entries at a time since the policy began: it has touched memory for so many slots. */
  #countHigh = 0
  /** Entries at which it is foreseen anew what those of the full store will take; Infinity once it is full. */
  #foreseeAt = 1

  constructor(create: PolicyFactory, capacityBytes: number, needs: PolicyNeeds) {
    this.#needs = needs
    this.#create = create
    this.#capacityBytes = capacityBytes
    this.#current = this.#make()
  }

  /** What decides now. Not to be kept: it is another one after the next call of this class. */
  get current(): EvictionPolicy {
    return this.#current
  }

  get isChanging(): boolean {
    return this.#handOver !== undefined
  }

  /** Bytes of its state. A change is charged for as it proceeds. */
  get bytes(): number {
    return this.#current.bytesFor(this.#slotCount)
  }

  /** What an entry takes of that, or the first one would. */
  get bytesPerSlot(): number {
    const slotCount = Math.max(1, this.#slotCount)
    return this.#current.bytesFor(slotCount) / slotCount
  }

  /** Tells the policy of an entry that is new in the store. */
  insert(slot: number, hash: number, sizeBytes: number): void {
    const entryCount = this.#needs.entryCount()
    this.#countHigh = Math.max(this.#countHigh, entryCount)
    if (entryCount >= this.#foreseeAt) this.#foresee(entryCount)
    this.#current.onInsert(slot, hash, sizeBytes)
  }

  /** Starts all over, with no entries. */
  reset(): void {
    this.#create = this.#wanted ?? this.#create
    this.#wanted = undefined
    this.#handOver = undefined
    this.#draining = undefined
    this.#current = this.#make()
    this.#countHigh = 0
    this.#foreseeAt = 1
  }

  get isDraining(): boolean {
    return this.#draining !== undefined
  }

  /** As DrainingPolicy.take(). From the first call on no policy takes over any more, until {@link reset}. */
  take(): number {
    this.#draining ??= this.#drain()
    return this.#draining.take()
  }

  /**
   * Begins to hand over to another policy; {@link step} does it.
   *
   * @throws CacheError UNAVAILABLE once entries were taken: the store is about to be left
   */
  change(create: PolicyFactory): void {
    if (this.#draining) throw new CacheError('UNAVAILABLE', 'The entries of the store are being taken away')
    if (this.#handOver !== undefined) {
      this.#wanted = create
      return
    }
    this.#create = create
    const { slotCountMax, hashOf, sizeOf, entryCount } = this.#needs
    this.#handOver = new HandOver(this.#current, this.#make(), {
      slotCountMax: slotCountMax + 1,
      entryCount: entryCount(),
      hashOf,
      sizeOf,
    })
    this.#current = this.#handOver
  }

  /** Hands over at most `countMax` entries. */
  step(countMax = HAND_OVER_STEP): void {
    if (this.#handOver === undefined) return
    if (!this.#handOver.isDone) {
      this.#handOver.step(countMax)
      // It ends with the next step: until then the store makes room for what the new policy costs.
      return
    }
    this.#current = this.#handOver.to
    this.#handOver = undefined
    this.#countHigh = this.#needs.entryCount()
    const wanted = this.#wanted
    this.#wanted = undefined
    if (wanted !== undefined) this.change(wanted)
  }

  /**
   * Tells the policy how much the entries may take together: its shares of that must be of what there is, not of a
   * budget of which slots, policy and slack of the log take their part.
   *
   * @param usedBytes what the entries of the full store take
   */
  fitFull(usedBytes: number): void {
    this.#foreseeAt = Number.POSITIVE_INFINITY
    this.#fit(usedBytes)
  }

  /** The same before the store is full, from when it is half full on: each time half-way to where it will be. */
  #foresee(entryCount: number): void {
    const full = this.#needs.whenFull()
    this.#foreseeAt = Math.max(entryCount + 1, Math.ceil((entryCount + full.entryCount) / 2))
    if (entryCount >= full.entryCount / 2) this.#fit(full.usedBytes)
  }

  #fit(usedBytes: number): void {
    if (Math.abs(usedBytes - this.#capacityBytes) <= CAPACITY_TOLERANCE * this.#capacityBytes) return
    this.#capacityBytes = usedBytes
    this.#current.setCapacity(usedBytes)
  }

  /** Slots for which there is state. */
  get #slotCount(): number {
    // A new policy has touched no memory but for the entries that are left.
    return this.#handOver === undefined ? this.#countHigh : this.#needs.entryCount()
  }

  /** A change that is under way ends here: what went over first is also what is taken first. */
  #drain(): DrainingPolicy {
    if (this.#handOver) this.#countHigh = this.#needs.entryCount()
    this.#handOver = undefined
    const draining = new DrainingPolicy(this.#current, this.#needs.slotCountMax + 1)
    this.#current = draining
    return draining
  }

  #make(): EvictionPolicy {
    const policy = this.#create(this.#needs.slotCountMax + 1, this.#needs)
    policy.setCapacity(this.#capacityBytes)
    return policy
  }
}
