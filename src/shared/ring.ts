import { crc32 } from './crc32.js'
import { CacheError } from './errors.js'

/** Maps `bytes[start…end)` to an unsigned 32-bit number. */
export type RingHash = (bytes: Uint8Array, start: number, end: number) => number

export interface RingOptions {
  /** Virtual nodes of each member, 1 to 10 000. Default 150. All nodes of a ring must agree. */
  readonly replicas?: number
  /** Default CRC-32 (IEEE). All nodes of a ring must agree. */
  readonly hash?: RingHash
}

const HASH_SPACE = 2 ** 32
const REPLICAS_DEFAULT = 150
const REPLICAS_MAX = 10_000

/**
 * Consistent hashing (Karger et al., STOC 1997): who owns a key. Immutable; a change of membership makes a new ring.
 *
 * Virtual node i of an address sits at the hash of the decimal i followed by the address, without a separator. A key
 * belongs to the first virtual node at or after its own hash, and past the last one to the first. Where several
 * addresses hash to one point, and `1` + `192.168.0.1:80` and `11` + `92.168.0.1:80` always do, the smallest address
 * has it. So a ring depends only on the set of its members, and leaving takes no point from anyone else.
 */
export class Ring {
  /** Every address once, in ascending order. */
  readonly members: readonly string[]
  readonly #hash: RingHash
  /** Positions in ascending order, each once. */
  readonly #points: Uint32Array
  /** For every point, the index of its owner in `members`. */
  readonly #ownerOfPoint: Uint32Array

  constructor(addresses: Iterable<string>, options: RingOptions = {}) {
    const { replicas = REPLICAS_DEFAULT, hash = crc32 } = options
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > REPLICAS_MAX) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `replicas is ${replicas}, not a whole number from 1 to ${REPLICAS_MAX}`,
      )
    }
    this.members = [...new Set(addresses)].sort()
    this.#hash = hash
    const ownerOfPoint = placePoints(this.members, replicas, hash)
    this.#points = Uint32Array.from(ownerOfPoint.keys()).sort()
    this.#ownerOfPoint = this.#points.map((point) => ownerOfPoint.get(point)!)
  }

  /** The address that owns the key `bytes[start…end)`; undefined only on a ring without members. */
  owner(bytes: Uint8Array, start = 0, end = bytes.length): string | undefined {
    return this.members[this.#ownerOfPoint[this.#successor(bytes, start, end)]!]
  }

  /** The owner, then the members that take over from it in turn: at most `countMax`, each once. */
  owners(key: Uint8Array, countMax: number): string[] {
    const wanted = Math.min(countMax, this.members.length)
    const found: string[] = []
    let index = this.#successor(key, 0, key.length)
    for (let steps = 0; found.length < wanted && steps < this.#points.length; steps++) {
      const member = this.members[this.#ownerOfPoint[index]!]!
      if (!found.includes(member)) found.push(member)
      index = index + 1 === this.#points.length ? 0 : index + 1
    }
    return found
  }

  /** The part of all keys that each member owns; the parts add up to 1. */
  shares(): Map<string, number> {
    const shares = new Map(this.members.map((member) => [member, 0]))
    let previous = (this.#points.at(-1) ?? 0) - HASH_SPACE
    this.#points.forEach((point, index) => {
      const member = this.members[this.#ownerOfPoint[index]!]!
      shares.set(member, shares.get(member)! + (point - previous) / HASH_SPACE)
      previous = point
    })
    return shares
  }

  /** Index of the first point at or after the key's position, going round; 0 where there are no points. */
  #successor(bytes: Uint8Array, start: number, end: number): number {
    const position = this.#hash(bytes, start, end) >>> 0
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#points[middle]! < position) low = middle + 1
      else high = middle
    }
    return low === this.#points.length ? 0 : low
  }
}

/** Point to index of its owner. Members come in ascending order, so the first at a point is the smallest. */
function placePoints(members: readonly string[], replicas: number, hash: RingHash): Map<number, number> {
  const ownerOfPoint = new Map<number, number>()
  members.forEach((address, member) => {
    for (let replica = 0; replica < replicas; replica++) {
      const bytes = Buffer.from(`${replica}${address}`)
      const point = hash(bytes, 0, bytes.length) >>> 0
      if (!ownerOfPoint.has(point)) ownerOfPoint.set(point, member)
    }
  })
  return ownerOfPoint
}
