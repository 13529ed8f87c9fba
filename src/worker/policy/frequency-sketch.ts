const COUNT_MAX = 15
/** Per row of a block: 32 counters of 4 bits in 4 words. */
const ROW_COUNT = 4
const WORDS_PER_ROW = 4
const WORDS_PER_BLOCK = ROW_COUNT * WORDS_PER_ROW
/** Entries of the cache for which one block is made. */
const ENTRIES_PER_BLOCK = 8
/** The same where bytes count for more than the last tenths of a point. */
const ENTRIES_PER_BLOCK_COMPACT = 32
const BLOCK_COUNT_MIN = 32

/** After so many additions for each entry of the cache, all counters are halved. */
const SAMPLE_PER_ENTRY = 10
/** Halving the smallest table is paid for by this many additions. */
const SAMPLE_MIN = 256

/** Blocks that are halved, or copied into a larger table, with each addition: the work never comes all at once. */
const BLOCKS_PER_STEP = 64

/**
 * Estimates how often a key was asked for lately, in 8 bytes per entry, or in 2 less precisely: a count-min sketch (Cormode and Muthukrishnan,
 * 2005) of 4-bit counters, halved once per sample (Einziger, Friedman, Manes, "TinyLFU", ACM ToS 2017).
 *
 *     block (64 bytes, one cache line)   row 0: 4 words of 8 counters | row 1 | row 2 | row 3
 *
 * A key has one block and in each row one of 32 counters; its estimate is the least of the four. The place in each row
 * is picked by bits of its own, so that two keys that meet in one row of a block rarely meet in the others.
 *
 * The sketch starts small and doubles with the number of entries. A doubled table begins as two copies of the old one:
 * every key finds the counters that it had, whichever half it belongs to now. Copies are made block by block, and until
 * then the old block serves both; halving goes through the table in the same way, and what it has not reached yet is
 * halved on reading.
 */
export class FrequencySketch {
  /** What one entry costs while the table is full; after doubling, twice that. */
  readonly bytesPerEntry: number
  private readonly entriesPerBlock: number
  private table = new Int32Array(BLOCK_COUNT_MIN * WORDS_PER_BLOCK)
  private sampleSize = SAMPLE_MIN
  private additions = 0
  /** The table before it was doubled, as long as blocks of it are to be copied. */
  private outgrown: Int32Array | undefined
  /** Words of the table that are copied, or halved; its length when there is nothing to do. */
  private done = this.table.length
  private isHalving = false
  /** Additions before the halving that is under way, and what it has lost to rounding. */
  private sampled = 0
  private oddCount = 0

  /** @param compact a quarter of the counters: more keys share them, and look more popular than they are */
  constructor({ compact = false }: { compact?: boolean } = {}) {
    this.entriesPerBlock = compact ? ENTRIES_PER_BLOCK_COMPACT : ENTRIES_PER_BLOCK
    this.bytesPerEntry = (WORDS_PER_BLOCK * Int32Array.BYTES_PER_ELEMENT) / this.entriesPerBlock
  }

  /** Fits table and sample to the entries that the cache holds now. The table never shrinks. */
  fit(entryCount: number): void {
    this.sampleSize = Math.max(SAMPLE_MIN, SAMPLE_PER_ENTRY * entryCount)
    if (entryCount * WORDS_PER_BLOCK <= this.table.length * this.entriesPerBlock) return
    // A step that is still under way: doublings and samples are too far apart for that, but for the smallest tables.
    this.step(this.table.length)
    this.outgrown = this.table
    this.table = new Int32Array(2 * this.table.length)
    this.done = 0
  }

  /** Counts one request for a key. */
  add(hash: number): void {
    if (this.outgrown !== undefined || this.isHalving) this.step(BLOCKS_PER_STEP * WORDS_PER_BLOCK)
    const mixed = mix(hash)
    const rows = mix(mixed)
    const table = this.tableOf(mixed)
    const block = blockOf(table, mixed)
    let added = false
    for (let row = 0; row < ROW_COUNT; row++) {
      const place = rows >>> (8 * row)
      const word = block + WORDS_PER_ROW * row + ((place >>> 3) & 3)
      const shift = (place & 7) << 2
      if (((table[word]! >>> shift) & COUNT_MAX) === COUNT_MAX) continue
      table[word]! += 1 << shift
      added = true
    }
    if (added && ++this.additions >= this.sampleSize) this.startHalving()
  }

  /** How often the key was asked for, from 0 to 15; seldom too high, and too low only by what has faded. */
  frequency(hash: number): number {
    const mixed = mix(hash)
    const rows = mix(mixed)
    const table = this.tableOf(mixed)
    const block = blockOf(table, mixed)
    let least = COUNT_MAX
    for (let row = 0; row < ROW_COUNT; row++) {
      const place = rows >>> (8 * row)
      const word = table[block + WORDS_PER_ROW * row + ((place >>> 3) & 3)]!
      least = Math.min(least, (word >>> ((place & 7) << 2)) & COUNT_MAX)
    }
    return this.isHalving && block >= this.done ? least >>> 1 : least
  }

  /** The table that has the counters of a key now. */
  private tableOf(mixed: number): Int32Array {
    const { outgrown } = this
    return outgrown !== undefined && blockOf(outgrown, mixed) >= this.done ? outgrown : this.table
  }

  private startHalving(): void {
    this.step(this.table.length)
    this.isHalving = true
    this.done = 0
    this.oddCount = 0
    this.sampled = this.additions
    this.additions = 0
  }

  /** Goes on with what is under way, over at most so many words. */
  private step(wordsMax: number): void {
    if (this.outgrown !== undefined) this.copy(this.outgrown, wordsMax)
    else if (this.isHalving) this.halve(wordsMax)
  }

  private copy(outgrown: Int32Array, wordsMax: number): void {
    const end = Math.min(this.done + wordsMax, outgrown.length)
    for (let word = this.done; word < end; word++) {
      this.table[word] = outgrown[word]!
      this.table[outgrown.length + word] = outgrown[word]!
    }
    this.done = end
    if (end === outgrown.length) this.outgrown = undefined
  }

  private halve(wordsMax: number): void {
    const { table } = this
    const end = Math.min(this.done + wordsMax, table.length)
    let oddCount = 0
    for (let word = this.done; word < end; word++) {
      const counters = table[word]!
      // Adds up the eight lowest bits in the topmost four.
      oddCount += Math.imul(counters & 0x11111111, 0x11111111) >>> 28
      table[word] = (counters >>> 1) & 0x77777777
    }
    this.done = end
    this.oddCount += oddCount
    if (end < table.length) return
    this.isHalving = false
    // What rounding has taken from the counters was added too.
    this.additions += Math.max(0, (this.sampled - (this.oddCount >>> 2)) >>> 1)
  }
}

/** Where the block of a key begins in a table. */
function blockOf(table: Int32Array, mixed: number): number {
  return (mixed & (table.length / WORDS_PER_BLOCK - 1)) * WORDS_PER_BLOCK
}

/** A bijection on 32 bits (the finaliser of MurmurHash3), so that no bit of the hash has to be good by itself. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
