import { ConnectionError } from './errors.js'

/**
 * The Huffman code of HPACK (RFC 7541, appendix B). The code is canonical: symbols of equal length are numbered in
 * order, so the lengths alone define it. Runs as length, or length x count; the 257th symbol is EOS.
 */
const CODE_LENGTHS = `
13 23 28x7 24 30 28x2 30 28x8 30 28x9 6 10x2 12 13 6 8 11 10x2 8 11 8 6x3 5x3 6x7 7 8 15 6 12 10 13 6 7x22 8 7 8 13 19
13 14 6 15 5 6 5 6 5 6x3 5 7x2 6x3 5 6 7 6 5x2 6 7x5 15 11 14 13 28 20 22 20x2 22x3 23 22 23x5 24 23 24x2 22 23 24 23x4
21 22 23 22 23x2 24 22 21 20 22x2 23x2 21 23 22x2 24 21 22 23x2 21x2 22 21 23 22 23x2 20 22x3 23 22x2 23 26x2 20 19 22
23 22 25 26x3 27x2 26 24 25 19 21 26 27x2 26 27 24 21x2 26x2 28 27x3 20 24 20 21 22 21x2 23 22x2 25x2 24x2 26 23 26 27
26x2 27x5 28 27x5 26 30`

const SYMBOL_COUNT = 257
const EOS = 256
const TABLE_SIZE = 256
/** Entries of the decoding tables: another table to go to, or a symbol and the bits it takes of this byte. */
const LEAF = 1 << 30

const lengths = expandLengths()
const codes = assignCodes(lengths)
const tables = buildTables(lengths, codes)

function expandLengths(): Uint8Array {
  const expanded: number[] = []
  for (const run of CODE_LENGTHS.trim().split(/\s+/)) {
    const [length, count] = run.split('x')
    for (let index = 0; index < Number(count ?? 1); index++) expanded.push(Number(length))
  }
  return Uint8Array.from(expanded)
}

function assignCodes(codeLengths: Uint8Array): Uint32Array {
  const assigned = new Uint32Array(SYMBOL_COUNT)
  let code = 0
  for (let length = 1; length <= 30; length++) {
    for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
      if (codeLengths[symbol] === length) assigned[symbol] = code++
    }
    code <<= 1
  }
  return assigned
}

/** One table of 256 entries per prefix of whole bytes: a byte either ends a symbol or leads to the next table. */
function buildTables(codeLengths: Uint8Array, symbolCodes: Uint32Array): Int32Array {
  const entries: number[] = new Array(TABLE_SIZE).fill(0)
  for (let symbol = 0; symbol < SYMBOL_COUNT; symbol++) {
    let remaining = codeLengths[symbol]!
    const code = symbolCodes[symbol]!
    let table = 0
    while (remaining > 8) {
      remaining -= 8
      const slot = table * TABLE_SIZE + ((code >>> remaining) & 0xff)
      if (entries[slot] === 0) {
        entries[slot] = entries.length / TABLE_SIZE
        for (let index = 0; index < TABLE_SIZE; index++) entries.push(0)
      }
      table = entries[slot]!
    }
    const first = table * TABLE_SIZE + ((code << (8 - remaining)) & 0xff)
    entries.fill(LEAF | (symbol << 8) | remaining, first, first + (1 << (8 - remaining)))
  }
  return Int32Array.from(entries)
}

/** Bytes that no decoded string exceeds, for a source of `lengthBytes`: the shortest code has 5 bits. */
export function huffmanDecodedBytesMax(lengthBytes: number): number {
  return Math.ceil((lengthBytes * 8) / 5)
}

/**
 * Decodes source[start, end) into `target` at `offset`, which must have room for huffmanDecodedBytesMax().
 *
 * @returns the number of bytes written, or −1 if the bytes are no Huffman string: EOS inside, wrong padding
 */
export function huffmanDecode(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): number {
  let written = offset
  let window = 0
  let bits = 0
  let table = 0
  for (let index = start; index < end; index++) {
    window = ((window << 8) | source[index]!) & 0xffff
    bits += 8
    while (bits >= 8) {
      const entry = tables[table + ((window >>> (bits - 8)) & 0xff)]!
      if (entry & LEAF) {
        const symbol = (entry >>> 8) & 0x1ff
        if (symbol === EOS) return -1
        target[written++] = symbol
        bits -= entry & 0xff
        table = 0
      } else {
        table = entry << 8
        bits -= 8
      }
    }
  }
  while (bits > 0) {
    const entry = tables[table + ((window << (8 - bits)) & 0xff)]!
    const taken = entry & 0xff
    if ((entry & LEAF) === 0 || taken > bits) break
    target[written++] = (entry >>> 8) & 0xff
    bits -= taken
    table = 0
  }
  // What is left must be the beginning of EOS: fewer than eight bits, all ones.
  const ones = (1 << bits) - 1
  return table === 0 && (window & ones) === ones ? written - offset : -1
}

/** Like {@link huffmanDecode}, for those who close the connection over it. */
export function huffmanDecodeOrThrow(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): number {
  const lengthBytes = huffmanDecode(source, start, end, target, offset)
  if (lengthBytes < 0) throw new ConnectionError('COMPRESSION_ERROR', 'malformed Huffman string')
  return lengthBytes
}

export function huffmanEncodedBytes(source: Uint8Array): number {
  let bits = 0
  for (let index = 0; index < source.length; index++) bits += lengths[source[index]!]!
  return (bits + 7) >>> 3
}

/** Writes huffmanEncodedBytes(source) bytes into `target` at `offset`. */
export function huffmanEncode(source: Uint8Array, target: Uint8Array, offset: number): void {
  let written = offset
  let window = 0
  let bits = 0
  const push = (code: number, count: number): void => {
    window = (window << count) | code
    bits += count
    while (bits >= 8) {
      bits -= 8
      target[written++] = window >>> bits
    }
    window &= (1 << bits) - 1
  }
  for (let index = 0; index < source.length; index++) {
    const code = codes[source[index]!]!
    const length = lengths[source[index]!]!
    // In halves, so that the window stays within 32 bits.
    if (length > 16) push(code >>> 16, length - 16)
    push(code & 0xffff, Math.min(length, 16))
  }
  if (bits > 0) target[written] = (window << (8 - bits)) | (0xff >>> bits)
}
