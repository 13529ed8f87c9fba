import { assert } from '../../shared/assert.js'

/** Bits of a link below those that are in the array. */
const MIDDLE_SHIFT = 16
const TOP_SHIFT = 24
/** Nodes that have numbers of so many bits. */
const LOW_COUNT = 2 ** MIDDLE_SHIFT
const MIDDLE_COUNT = 2 ** TOP_SHIFT

/**
 * Doubly linked lists of slots; a slot is in one of them or in none. All links lie in a few typed arrays by node:
 *
 *     node    0       1 … listCount     listCount + 1 …
 *             none    the lists         the slots
 *
 *     low     next, previous | next, previous | …      the lower 16 bits of the links
 *     middle  next, previous | next, previous | …      8 bits above, made when a node beyond 16 bits is linked
 *     top     next, previous | next, previous | …      and those above them, beyond 24 bits
 *
 * So a slot costs 4 bytes while they are few, and 6 where there are millions. Nothing is copied when an array comes in:
 * those bits of all links until then are 0.
 *
 * Every list is a ring through its own node, so that linking has no special cases. Link 0 says "not linked": untouched
 * memory is an empty list and an absent slot, and nothing is filled in advance, so that arrays made for the largest
 * number of slots take memory only as slots are used.
 *
 * All but {@link check} and {@link slots} is O(1).
 */
export class SlotLists {
  private readonly base: number
  private readonly nodeCount: number
  private readonly low: Uint16Array
  private middle: Uint8Array | undefined
  private top: Uint8Array | undefined
  /** The arrays that there are can link nodes below this one. */
  private reach = LOW_COUNT

  constructor(slotCountMax: number, listCount: number) {
    this.base = listCount + 1
    this.nodeCount = this.base + slotCountMax
    this.low = new Uint16Array(2 * this.nodeCount)
  }

  /**
   * What so many slots cost, from the first on. Longer links take their memory within the time that all slots are linked
   * anew. So they are paid for before, for two slots with each one from when half of those are in use that do without.
   */
  bytesFor(slotCount: number): number {
    const inLow = LOW_COUNT - this.base
    const inMiddle = MIDDLE_COUNT - this.base
    return 2 * (2 * slotCount + slotsPaid(slotCount, inLow) + slotsPaid(slotCount, inMiddle))
  }

  /** Whether the slot is in a list. */
  has(slot: number): boolean {
    return this.next(slot + this.base) !== 0
  }

  /** Puts a slot that is in no list at the head of `list`, the end that {@link tail} reaches last. */
  addHead(list: number, slot: number): void {
    const ring = list + 1
    this.insert(slot + this.base, ring, this.next(ring) || ring)
  }

  /** Puts a slot that is in no list beside `newer`, on the side of the tail. */
  addOlder(newer: number, slot: number): void {
    const before = newer + this.base
    const after = this.next(before)
    assert(after !== 0, 'The neighbour is in no list')
    this.insert(slot + this.base, before, after)
  }

  /** Takes the slot out of the list that it is in. */
  remove(slot: number): void {
    const { low, middle } = this
    const node = slot + this.base
    if (middle !== undefined) {
      this.removeLong(low, middle, node)
      return
    }
    const after = low[2 * node]!
    const before = low[2 * node + 1]!
    assert(after !== 0, 'The slot is in no list')
    low[2 * before] = after
    low[2 * after + 1] = before
    low[2 * node] = 0
    low[2 * node + 1] = 0
  }

  /** Takes the slot out of the list that it is in and puts it at the head of `list`. */
  moveToHead(list: number, slot: number): void {
    const { low, middle } = this
    const ring = list + 1
    const node = slot + this.base
    if (middle !== undefined) {
      this.moveLong(low, middle, ring, node)
      return
    }
    const first = low[2 * ring]!
    // The head of a list is hit most often, and has nothing to move.
    if (first === node) return
    const after = low[2 * node]!
    const before = low[2 * node + 1]!
    assert(after !== 0, 'The slot is in no list')
    low[2 * before] = after
    low[2 * after + 1] = before
    const second = first || ring
    low[2 * node] = second
    low[2 * node + 1] = ring
    low[2 * second + 1] = node
    low[2 * ring] = node
  }

  /** The newest slot of the list; -1 when it is empty. */
  head(list: number): number {
    return this.slotOf(this.next(list + 1))
  }

  /** The oldest slot of the list; -1 when it is empty. */
  tail(list: number): number {
    return this.slotOf(this.previous(list + 1))
  }

  /** The neighbour of a linked slot on the side of the head; -1 when there is none. */
  newer(slot: number): number {
    return this.slotOf(this.previous(slot + this.base))
  }

  /** The neighbour of a linked slot on the side of the tail; -1 when there is none. */
  older(slot: number): number {
    return this.slotOf(this.next(slot + this.base))
  }

  /** The slots of a list from tail to head. */
  *slots(list: number): Generator<number> {
    for (let slot = this.tail(list); slot >= 0; slot = this.newer(slot)) yield slot
  }

  /**
   * Follows every link there and back.
   *
   * @param lists the lists in use: together they must hold every slot that is linked at all
   * @returns the number of slots in the lists
   */
  check(lists: Iterable<number>): number {
    let count = 0
    for (const list of lists) {
      let before = list + 1
      for (let node = this.next(before) || before; node !== list + 1; node = this.next(node)) {
        assert(node >= this.base, 'A list runs into another one')
        assert(this.previous(node) === before, 'Two neighbours do not agree')
        count++
        assert(count <= this.nodeCount, 'A list never ends')
        before = node
      }
      assert(before === (this.previous(list + 1) || list + 1), 'The tail of a list is not its last slot')
    }
    let linkedCount = 0
    for (let node = this.base; node < this.nodeCount; node++) if (this.next(node) !== 0) linkedCount++
    assert(count === linkedCount, 'A linked slot is in no list')
    return count
  }

  private slotOf(node: number): number {
    return node >= this.base ? node - this.base : -1
  }

  private insert(node: number, before: number, after: number): void {
    if (node >= this.reach) this.widen(node)
    const { low, middle } = this
    if (middle !== undefined) {
      this.insertLong(low, middle, node, before, after)
      return
    }
    assert(low[2 * node] === 0, 'The slot is in a list already')
    low[2 * node] = after
    low[2 * node + 1] = before
    low[2 * after + 1] = node
    low[2 * before] = node
  }

  /** As insert(), with longer links. */
  private insertLong(
    low: Uint16Array,
    middle: Uint8Array,
    node: number,
    before: number,
    after: number,
  ): void {
    assert(this.next(node) === 0, 'The slot is in a list already')
    low[2 * node] = after
    middle[2 * node] = after >>> MIDDLE_SHIFT
    low[2 * node + 1] = before
    middle[2 * node + 1] = before >>> MIDDLE_SHIFT
    low[2 * after + 1] = node
    middle[2 * after + 1] = node >>> MIDDLE_SHIFT
    low[2 * before] = node
    middle[2 * before] = node >>> MIDDLE_SHIFT
    if (this.top === undefined) return
    this.top[2 * node] = after >>> TOP_SHIFT
    this.top[2 * node + 1] = before >>> TOP_SHIFT
    this.top[2 * after + 1] = node >>> TOP_SHIFT
    this.top[2 * before] = node >>> TOP_SHIFT
  }

  /** As remove(), with longer links. */
  private removeLong(low: Uint16Array, middle: Uint8Array, node: number): void {
    const after = this.next(node)
    const before = this.previous(node)
    assert(after !== 0, 'The slot is in no list')
    low[2 * before] = after
    middle[2 * before] = after >>> MIDDLE_SHIFT
    low[2 * after + 1] = before
    middle[2 * after + 1] = before >>> MIDDLE_SHIFT
    low[2 * node] = 0
    middle[2 * node] = 0
    low[2 * node + 1] = 0
    middle[2 * node + 1] = 0
    if (this.top === undefined) return
    this.top[2 * before] = after >>> TOP_SHIFT
    this.top[2 * after + 1] = before >>> TOP_SHIFT
    this.top[2 * node] = 0
    this.top[2 * node + 1] = 0
  }

  /** As moveToHead(), with longer links. */
  private moveLong(low: Uint16Array, middle: Uint8Array, ring: number, node: number): void {
    if (this.top !== undefined) {
      this.remove(node - this.base)
      this.insert(node, ring, this.next(ring) || ring)
      return
    }
    const first = low[2 * ring]! | (middle[2 * ring]! << MIDDLE_SHIFT)
    if (first === node) return
    const after = low[2 * node]! | (middle[2 * node]! << MIDDLE_SHIFT)
    const before = low[2 * node + 1]! | (middle[2 * node + 1]! << MIDDLE_SHIFT)
    assert(after !== 0, 'The slot is in no list')
    low[2 * before] = after
    middle[2 * before] = after >>> MIDDLE_SHIFT
    low[2 * after + 1] = before
    middle[2 * after + 1] = before >>> MIDDLE_SHIFT
    const second = first || ring
    low[2 * node] = second
    middle[2 * node] = second >>> MIDDLE_SHIFT
    low[2 * node + 1] = ring
    middle[2 * node + 1] = ring >>> MIDDLE_SHIFT
    low[2 * second + 1] = node
    middle[2 * second + 1] = node >>> MIDDLE_SHIFT
    low[2 * ring] = node
    middle[2 * ring] = node >>> MIDDLE_SHIFT
  }

  /** The node on the side of the tail. */
  private next(node: number): number {
    return this.link(2 * node)
  }

  /** The node on the side of the head. */
  private previous(node: number): number {
    return this.link(2 * node + 1)
  }

  private link(at: number): number {
    const { low, middle, top } = this
    if (middle === undefined) return low[at]!
    const node = low[at]! | (middle[at]! << MIDDLE_SHIFT)
    return top === undefined ? node : node | (top[at]! << TOP_SHIFT)
  }

  private widen(node: number): void {
    this.middle ??= new Uint8Array(2 * this.nodeCount)
    this.reach = MIDDLE_COUNT
    if (node < MIDDLE_COUNT) return
    this.top = new Uint8Array(2 * this.nodeCount)
    this.reach = Number.POSITIVE_INFINITY
  }
}

/** Slots whose longer links are paid for, when the first `freeCount` do without. */
function slotsPaid(slotCount: number, freeCount: number): number {
  return Math.min(slotCount, Math.max(0, 2 * slotCount - Math.max(0, freeCount)))
}
