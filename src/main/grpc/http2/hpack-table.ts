/** The static table (RFC 7541, appendix A): index 1 is the first entry. */
const STATIC_FIELDS: readonly (readonly [string, string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
]

export const STATIC_COUNT = STATIC_FIELDS.length
/** What an entry costs beside its name and value (RFC 7541, section 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32
/** SETTINGS_HEADER_TABLE_SIZE unless said otherwise. */
export const TABLE_BYTES_DEFAULT = 4096
/** Longest value that {@link DynamicTable.insertBytes} takes. */
export const INLINE_VALUE_BYTES_MAX = 16

export function staticName(index: number): string {
  return STATIC_FIELDS[index - 1]![0]
}

export function staticValue(index: number): string {
  return STATIC_FIELDS[index - 1]![1]
}

/** Static indices by field, name and value joined by a NUL. */
export const STATIC_BY_FIELD: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(([name, value], position) => [`${name}\0${value}`, position + 1]),
)

/** The first static index of each name. */
export const STATIC_BY_NAME: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(([name], position) => [name, position + 1] as const).reverse(),
)

const NO_SIZES = new Int32Array(0)
const NO_BYTES = Buffer.alloc(0)

/**
 * The dynamic table of one direction (RFC 7541, section 2.3.2), a ring of the newest entries. Positions count from the
 * newest, which is 0. Every entry also has an absolute number, 1 for the first ever inserted: unlike its position it
 * never changes, so that blocks can be recognised across insertions.
 */
export class DynamicTable {
  /** Entries inserted since the connection began; the absolute number of the newest. */
  insertCount = 0
  /** Entries held now. */
  count = 0
  /** Σ (name + value + 32) of the entries held. */
  sizeBytes = 0
  /** What sizeBytes may come to; lowered and raised by size updates. */
  sizeBytesMax: number

  private readonly mask: number
  // Made with the first entry: of thousands of connections, most may never send one.
  private names: string[] = []
  /** Undefined while a value exists as bytes only. */
  private values: (string | undefined)[] = []
  private sizes = NO_SIZES
  private inlineBytes = NO_BYTES
  private inlineLengths: Uint8Array = NO_BYTES

  /** @param sizeBytesCap the largest size that the table will ever be allowed */
  constructor(sizeBytesCap: number) {
    this.sizeBytesMax = sizeBytesCap
    let slots = 1
    while (slots * ENTRY_OVERHEAD_BYTES < sizeBytesCap) slots *= 2
    this.mask = slots - 1
  }

  nameAt(position: number): string {
    return this.names[this.slotOf(position)]!
  }

  valueAt(position: number): string {
    const slot = this.slotOf(position)
    const value = this.values[slot]
    if (value !== undefined) return value
    const start = slot * INLINE_VALUE_BYTES_MAX
    const text = this.inlineBytes.toString('latin1', start, start + this.inlineLengths[slot]!)
    this.values[slot] = text
    return text
  }

  /** What the entry counts in sizeBytes. */
  entryBytesAt(position: number): number {
    return this.sizes[this.slotOf(position)]!
  }

  insert(name: string, value: string): void {
    const slot = this.claim(name.length + value.length + ENTRY_OVERHEAD_BYTES)
    if (slot < 0) return
    this.names[slot] = name
    this.values[slot] = value
  }

  /** Inserts a short value as bytes, source[start, start + lengthBytes); a string is made only if it is asked for. */
  insertBytes(name: string, source: Uint8Array, start: number, lengthBytes: number): void {
    const slot = this.claim(name.length + lengthBytes + ENTRY_OVERHEAD_BYTES)
    if (slot < 0) return
    this.names[slot] = name
    this.values[slot] = undefined
    this.inlineLengths[slot] = lengthBytes
    const offset = slot * INLINE_VALUE_BYTES_MAX
    for (let index = 0; index < lengthBytes; index++)
      this.inlineBytes[offset + index] = source[start + index]!
  }

  /** A size update: evicts until the entries fit. */
  resize(sizeBytesMax: number): void {
    this.sizeBytesMax = sizeBytesMax
    this.evictTo(sizeBytesMax)
  }

  /** Makes room and takes the next slot; −1 when the entry is larger than the table, which then is empty. */
  private claim(entryBytes: number): number {
    this.evictTo(this.sizeBytesMax - entryBytes)
    // Counted even when it finds no room: absolute numbers only have to differ.
    this.insertCount++
    if (entryBytes > this.sizeBytesMax) return -1
    if (this.names.length === 0) this.makeRing()
    this.count++
    this.sizeBytes += entryBytes
    const slot = this.slotOf(0)
    this.sizes[slot] = entryBytes
    return slot
  }

  private makeRing(): void {
    const slots = this.mask + 1
    this.names = new Array(slots).fill('')
    this.values = new Array(slots).fill(undefined)
    this.sizes = new Int32Array(slots)
    this.inlineBytes = Buffer.alloc(slots * INLINE_VALUE_BYTES_MAX)
    this.inlineLengths = new Uint8Array(slots)
  }

  private evictTo(sizeBytesMax: number): void {
    while (this.count > 0 && this.sizeBytes > sizeBytesMax) {
      const slot = this.slotOf(this.count - 1)
      this.sizeBytes -= this.sizes[slot]!
      this.names[slot] = ''
      this.values[slot] = ''
      this.count--
    }
  }

  private slotOf(position: number): number {
    return (this.insertCount - position) & this.mask
  }
}
