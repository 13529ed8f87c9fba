/** Bits of a level's index: each level has 256 buckets, each as wide as the whole level below it. */
const LEVEL_BITS = 8
const LEVEL_BUCKETS = 1 << LEVEL_BITS
const LEVEL_COUNT = 4
const BUCKET_COUNT = LEVEL_COUNT * LEVEL_BUCKETS

/** A jump of the clock over more than this, a quarter of an hour, is taken at once. */
const REBASE_TICKS = 2 ** 16

/** Entries leave at most this much after they expired, plus the time to the owner's next look. */
const TICK_MS = 16

/**
 * Slots by the time at which they expire: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987, scheme 7).
 * Insert and remove are O(1); advance() costs O(1) per entry and level.
 *
 * Buckets are circular lists over two arrays; the sentinel of bucket b is node slotCountMax + 1 + b, so an entry leaves
 * its list without knowing which one it is. The arrays are made by activate(): stores without timed entries do not pay.
 */
export class TimerWheel {
  readonly #slotCountMax: number
  #next = new Int32Array(0)
  #previous = new Int32Array(0)
  #nowTick: number

  constructor(slotCountMax: number, nowMs: number) {
    this.#slotCountMax = slotCountMax
    this.#nowTick = Math.floor(nowMs / TICK_MS)
  }

  /** Bytes of state per slot. */
  get bytesPerSlot(): number {
    return this.#next.length === 0 ? 0 : 8
  }

  /** Before the first insert: from here on slots cost memory. */
  activate(): void {
    if (this.#next.length === 0) this.#allocate()
  }

  /** Adds `slot`, which must not be in the wheel. */
  insert(slot: number, expiresAtMs: number): void {
    this.activate()
    this.#place(slot, expiresAtMs)
  }

  /** Takes `slot` out; no harm when it is not in. */
  remove(slot: number): void {
    const next = this.#next[slot]
    if (!next) return
    const previous = this.#previous[slot]!
    this.#next[previous] = next
    this.#previous[next] = previous
    this.#next[slot] = 0
  }

  clear(): void {
    if (this.#next.length > 0) this.#allocate()
  }

  /**
   * Moves on to `nowMs` and hands over every slot whose time has come, at most `countMax` of them: the rest comes with
   * the next call. `expiresAtMs` tells the time of a slot, on the same clock.
   *
   * @returns how many were handed over
   */
  advance(
    nowMs: number,
    countMax: number,
    expiresAtMs: (slot: number) => number,
    expire: (slot: number) => void,
  ): number {
    const target = Math.floor(nowMs / TICK_MS)
    let count = 0
    if (this.#next.length === 0) this.#nowTick = target
    if (target - this.#nowTick > REBASE_TICKS) this.#rebase(target, expiresAtMs)
    while (this.#nowTick < target) {
      const bucket = this.#sentinel(0, this.#nowTick)
      for (let slot = this.#next[bucket]!; slot !== bucket; slot = this.#next[bucket]!) {
        if (count === countMax) return count
        this.remove(slot)
        expire(slot)
        count++
      }
      this.#nowTick++
      this.#cascade(expiresAtMs)
    }
    return count
  }

  /** After a long silence it is cheaper to place every entry anew than to turn the wheel tick by tick. */
  #rebase(tick: number, expiresAtMs: (slot: number) => number): void {
    const slots: number[] = []
    for (let bucket = this.#slotCountMax + 1; bucket < this.#next.length; bucket++) {
      for (let slot = this.#next[bucket]!; slot !== bucket; slot = this.#next[slot]!) slots.push(slot)
    }
    this.clear()
    this.#nowTick = tick - 1
    for (const slot of slots) this.#place(slot, expiresAtMs(slot))
  }

  /** When a level has turned once, the next bucket of the level above is spread over it. */
  #cascade(expiresAtMs: (slot: number) => number): void {
    for (let level = 1; level < LEVEL_COUNT; level++) {
      if (this.#nowTick % LEVEL_BUCKETS ** level !== 0) return
      const bucket = this.#sentinel(level, this.#nowTick)
      for (let slot = this.#next[bucket]!; slot !== bucket; slot = this.#next[bucket]!) {
        this.remove(slot)
        this.#place(slot, expiresAtMs(slot))
      }
    }
  }

  #place(slot: number, expiresAtMs: number): void {
    // Rounded up: an entry is not handed over before its time.
    const tick = Math.max(Math.ceil(expiresAtMs / TICK_MS), this.#nowTick)
    const away = tick - this.#nowTick
    let level = 0
    while (level < LEVEL_COUNT - 1 && away >= LEVEL_BUCKETS ** (level + 1)) level++
    const bucket = this.#sentinel(level, tick)
    const last = this.#previous[bucket]!
    this.#next[last] = slot
    this.#previous[slot] = last
    this.#next[slot] = bucket
    this.#previous[bucket] = slot
  }

  #sentinel(level: number, tick: number): number {
    const index = Math.floor(tick / LEVEL_BUCKETS ** level) % LEVEL_BUCKETS
    return this.#slotCountMax + 1 + level * LEVEL_BUCKETS + index
  }

  #allocate(): void {
    this.#next = new Int32Array(this.#slotCountMax + 1 + BUCKET_COUNT)
    this.#previous = new Int32Array(this.#slotCountMax + 1 + BUCKET_COUNT)
    for (let node = this.#slotCountMax + 1; node < this.#next.length; node++) {
      this.#next[node] = node
      this.#previous[node] = node
    }
  }
}
