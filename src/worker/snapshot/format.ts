import { assert } from '../../shared/assert.js'
import { crc32 } from '../../shared/crc32.js'
import { CacheError } from '../../shared/errors.js'
import { KEY_BYTES_MAX, TTL_MS_MAX, VALUE_BYTES_MAX } from '../../shared/limits.js'

/**
 * A snapshot: entries of one group, as one shard had them. It knows nothing of memory, hash seed or number of shards, so
 * that a node with others can read it. Numbers are little-endian; every part carries the CRC-32 of what follows it.
 *
 *     head      magic, 8 bytes
 *               CRC-32 │ length of the rest │ version │ time of the snapshot, wall clock ms, float64 │ group name, UTF-8
 *     block     CRC-32 │ length of the rest │ entries…                  as many blocks as there are, about 64 KiB each
 *     tail      CRC-32 │ length of the rest │ entries, float64 │ blocks, float64 │ CRC-32 of the CRC-32s of head and blocks
 *
 *     entry     flags │ key length │ value length │ time left, ms │ age, ms │ key │ value
 *
 * The tail is the part of length TAIL_BYTES behind the last block; its flag is the top bit of its length. The entries
 * most worth keeping come first.
 */
export const SNAPSHOT_VERSION = 1

export const MAGIC = Buffer.from('GEEKSNAP')

/** CRC-32 and length. */
export const PART_HEAD_BYTES = 8
export const ENTRY_HEAD_BYTES = 20
export const BLOCK_BYTES = 64 * 1024
export const TAIL_BYTES = 20

const TAIL_FLAG = 2 ** 31
const HEAD_FIXED_BYTES = 12
const HEAD_BYTES_MAX = 4096
const BLOCK_BYTES_MAX = BLOCK_BYTES + ENTRY_HEAD_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX

const FLAG_TIMED = 1
const FLAG_NOT_FOUND = 2
const FLAG_RENEWABLE = 4

/** An entry in a snapshot. */
export interface SnapshotEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly notFound: boolean
  /** May be served stale and refreshed: not so for what was kept of a key of another node. */
  readonly renewable: boolean
  /** At the time of the snapshot; Infinity when it does not expire. */
  readonly ttlLeftMs: number
  readonly ageMs?: number
}

/** What a file begins with. */
export interface SnapshotHead {
  readonly group: string
  /** Wall clock, ms since 1970. */
  readonly savedAtMs: number
}

export function refusal(reason: string): CacheError {
  return new CacheError('FAILED_PRECONDITION', reason)
}

/** A part with its CRC-32 and length before it. */
export function sealPart(body: Uint8Array, isTail = false): { bytes: Buffer; crc: number } {
  const bytes = Buffer.alloc(PART_HEAD_BYTES + body.length)
  bytes.set(body, PART_HEAD_BYTES)
  bytes.writeUInt32LE(body.length + (isTail ? TAIL_FLAG : 0), 4)
  const crc = crc32(bytes, 4)
  bytes.writeUInt32LE(crc, 0)
  return { bytes, crc }
}

/** The CRC-32 and the length in front of a part. */
export function readPartHead(bytes: Buffer): { crc: number; length: number; isTail: boolean } {
  const length = bytes.readUInt32LE(4)
  const isTail = length >= TAIL_FLAG
  const body = isTail ? length - TAIL_FLAG : length
  if (isTail ? body !== TAIL_BYTES : body > BLOCK_BYTES_MAX) throw refusal('it is damaged')
  return { crc: bytes.readUInt32LE(0), length: body, isTail }
}

/** Throws unless the part, its head included, is what was written. */
export function checkPart(part: Buffer): void {
  if (crc32(part, 4) !== part.readUInt32LE(0)) throw refusal('it is damaged')
}

export function encodeHead({ group, savedAtMs }: SnapshotHead): Buffer {
  const name = Buffer.from(group)
  const head = Buffer.alloc(HEAD_FIXED_BYTES + name.length)
  head.writeUInt32LE(SNAPSHOT_VERSION, 0)
  head.writeDoubleLE(savedAtMs, 4)
  head.set(name, HEAD_FIXED_BYTES)
  return head
}

/** The version comes first: heads of other versions may look different behind it. */
export function decodeHead(head: Buffer): SnapshotHead {
  if (head.length < HEAD_FIXED_BYTES || head.length > HEAD_BYTES_MAX) throw refusal('it is damaged')
  const version = head.readUInt32LE(0)
  if (version !== SNAPSHOT_VERSION) {
    throw refusal(`it is of version ${version}, and this node reads version ${SNAPSHOT_VERSION}`)
  }
  return { group: head.toString('utf8', HEAD_FIXED_BYTES), savedAtMs: head.readDoubleLE(4) }
}

export function encodeTail(entryCount: number, blockCount: number, crcOfAll: number): Buffer {
  const tail = Buffer.alloc(TAIL_BYTES)
  tail.writeDoubleLE(entryCount, 0)
  tail.writeDoubleLE(blockCount, 8)
  tail.writeUInt32LE(crcOfAll, 16)
  return tail
}

export function entryLength(entry: SnapshotEntry): number {
  return ENTRY_HEAD_BYTES + entry.key.length + entry.value.length
}

/** Writes an entry to `target`, which has room for it, and returns where the next one goes. */
export function encodeEntry(target: Buffer, at: number, entry: SnapshotEntry): number {
  const { key, value, notFound, renewable, ttlLeftMs, ageMs = 0 } = entry
  const timed = ttlLeftMs !== Number.POSITIVE_INFINITY
  const flags = (timed ? FLAG_TIMED : 0) | (notFound ? FLAG_NOT_FOUND : 0) | (renewable ? FLAG_RENEWABLE : 0)
  target.writeUInt32LE(flags, at)
  target.writeUInt32LE(key.length, at + 4)
  target.writeUInt32LE(value.length, at + 8)
  target.writeUInt32LE(timed ? Math.max(0, ttlLeftMs) : 0, at + 12)
  target.writeUInt32LE(Math.min(Math.max(0, ageMs), TTL_MS_MAX), at + 16)
  target.set(key, at + ENTRY_HEAD_BYTES)
  target.set(value, at + ENTRY_HEAD_BYTES + key.length)
  return at + entryLength(entry)
}

/** The entries of a block, as views. Throws when they do not fill it exactly, or have impossible sizes. */
export function decodeEntries(block: Buffer): SnapshotEntry[] {
  const entries: SnapshotEntry[] = []
  for (let at = 0; at < block.length; ) {
    if (block.length - at < ENTRY_HEAD_BYTES) throw refusal('it is damaged')
    const flags = block.readUInt32LE(at)
    const [keyLength, valueLength] = [block.readUInt32LE(at + 4), block.readUInt32LE(at + 8)]
    const valueAt = at + ENTRY_HEAD_BYTES + keyLength
    const end = valueAt + valueLength
    const isPossible =
      keyLength > 0 &&
      keyLength <= KEY_BYTES_MAX &&
      valueLength <= ((flags & FLAG_NOT_FOUND) === 0 ? VALUE_BYTES_MAX : 0) &&
      end <= block.length
    if (!isPossible) throw refusal('it is damaged')
    entries.push({
      key: block.subarray(at + ENTRY_HEAD_BYTES, valueAt),
      value: block.subarray(valueAt, end),
      notFound: (flags & FLAG_NOT_FOUND) !== 0,
      renewable: (flags & FLAG_RENEWABLE) !== 0,
      ...(flags & FLAG_TIMED
        ? { ttlLeftMs: block.readUInt32LE(at + 12), ageMs: block.readUInt32LE(at + 16) }
        : { ttlLeftMs: Number.POSITIVE_INFINITY }),
    })
    at = end
  }
  return entries
}

assert(BLOCK_BYTES_MAX < TAIL_FLAG, 'The length of a block leaves its top bit free')
