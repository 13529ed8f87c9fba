import { HpackDecoder } from '../http2/hpack-decoder.js'
import { parseResponseHead, type ResponseHead } from './response-head.js'

/** Blocks that are remembered: of a server that answers well, its headers and its trailers. */
const MEMOS_MAX = 4
/** Longer blocks are not worth comparing. */
const MEMO_BYTES_MAX = 128
/** What sets a dynamic table size update apart from other fields (RFC 7541, section 6.3). */
const SIZE_UPDATE_MASK = 0xe0
const SIZE_UPDATE = 0x20

interface Memo {
  readonly block: Uint8Array
  readonly head: ResponseHead
}

/**
 * Decodes the header blocks of a connection, all of them in order. As the same bytes mean the same while nothing enters
 * the dynamic table, most answers are recognised without decoding anything.
 */
export class ResponseHeads {
  private readonly decoder: HpackDecoder
  private memos: Memo[] = []
  private nextMemo = 0

  constructor(headerListBytesMax: number) {
    this.decoder = new HpackDecoder(headerListBytesMax)
  }

  /** @throws ConnectionError of a block that cannot be decoded */
  read(buffer: Buffer, start: number, end: number): ResponseHead {
    for (const memo of this.memos) if (equals(memo.block, buffer, start, end)) return memo.head
    const { table } = this.decoder
    const insertCountBefore = table.insertCount
    const resized = start < end && (buffer[start]! & SIZE_UPDATE_MASK) === SIZE_UPDATE
    const head = parseResponseHead(this.decoder.decode(buffer, start, end))
    if (resized || table.insertCount !== insertCountBefore) {
      this.memos = []
      this.nextMemo = 0
    } else if (end - start <= MEMO_BYTES_MAX) {
      this.memos[this.nextMemo] = { block: Uint8Array.from(buffer.subarray(start, end)), head }
      this.nextMemo = (this.nextMemo + 1) % MEMOS_MAX
    }
    return head
  }
}

function equals(block: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  const lengthBytes = block.length
  if (end - start !== lengthBytes) return false
  for (let index = 0; index < lengthBytes; index++) if (buffer[start + index] !== block[index]) return false
  return true
}
