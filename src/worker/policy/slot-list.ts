import { assert } from '../../shared/assert.js'

/**
 * Doubly linked lists of slots; a slot is in one of them or in none. All links lie in two typed arrays:
 *
 *     node    0       1 … listCount     listCount + 1 …
 *             none    the lists         the slots
 *
 * Every list is a ring through its own node, so that linking has no special cases. Link 0 says "not linked": untouched
 * memory is an empty list and an absent slot, and nothing is filled in advance, so that arrays made for the largest
 * number of slots take memory only as slots are used.
 *
 * All but {@link check} and {@link slots} is O(1).
 */
export class SlotLists {
  /** What one slot costs. */
  static readonly BYTES_PER_SLOT = 2 * Int32Array.BYTES_PER_ELEMENT

  private readonly base: number
  /** Towards the tail. */
  private readonly next: Int32Array
  /** Towards the head. */
  private readonly previous: Int32Array

  constructor(slotCountMax: number, listCount: number) {
    this.base = listCount + 1
    this.next = new Int32Array(this.base + slotCountMax)
    this.previous = new Int32Array(this.base + slotCountMax)
  }

  /** Whether the slot is in a list. */
  has(slot: number): boolean {
    return this.next[slot + this.base]! !== 0
  }

  /** Puts a slot that is in no list at the head of `list`, the end that {@link tail} reaches last. */
  addHead(list: number, slot: number): void {
    const { next, previous } = this
    const ring = list + 1
    const node = slot + this.base
    assert(next[node] === 0, 'The slot is in a list already')
    const first = next[ring]! || ring
    next[node] = first
    previous[node] = ring
    previous[first] = node
    next[ring] = node
  }

  /** Puts a slot that is in no list beside `newer`, on the side of the tail. */
  addOlder(newer: number, slot: number): void {
    const { next, previous } = this
    const node = slot + this.base
    assert(next[node] === 0, 'The slot is in a list already')
    const before = newer + this.base
    const after = next[before]!
    assert(after !== 0, 'The neighbour is in no list')
    next[node] = after
    previous[node] = before
    previous[after] = node
    next[before] = node
  }

  /** Takes the slot out of the list that it is in. */
  remove(slot: number): void {
    const { next, previous } = this
    const node = slot + this.base
    const after = next[node]!
    const before = previous[node]!
    assert(after !== 0, 'The slot is in no list')
    next[before] = after
    previous[after] = before
    next[node] = 0
    previous[node] = 0
  }

  /** Takes the slot out of the list that it is in and puts it at the head of `list`. */
  moveToHead(list: number, slot: number): void {
    // The head of a list is hit most often, and has nothing to move.
    if (this.next[list + 1] === slot + this.base) return
    this.remove(slot)
    this.addHead(list, slot)
  }

  /** The newest slot of the list; -1 when it is empty. */
  head(list: number): number {
    return this.slotOf(this.next[list + 1]!)
  }

  /** The oldest slot of the list; -1 when it is empty. */
  tail(list: number): number {
    return this.slotOf(this.previous[list + 1]!)
  }

  /** The neighbour of a linked slot on the side of the head; -1 when there is none. */
  newer(slot: number): number {
    return this.slotOf(this.previous[slot + this.base]!)
  }

  /** The neighbour of a linked slot on the side of the tail; -1 when there is none. */
  older(slot: number): number {
    return this.slotOf(this.next[slot + this.base]!)
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
      for (let node = this.next[before]! || before; node !== list + 1; node = this.next[node]!) {
        assert(node >= this.base, 'A list runs into another one')
        assert(this.previous[node] === before, 'Two neighbours do not agree')
        count++
        assert(count <= this.next.length, 'A list never ends')
        before = node
      }
      assert(before === (this.previous[list + 1]! || list + 1), 'The tail of a list is not its last slot')
    }
    let linkedCount = 0
    for (let node = this.base; node < this.next.length; node++) if (this.next[node] !== 0) linkedCount++
    assert(count === linkedCount, 'A linked slot is in no list')
    return count
  }

  private slotOf(node: number): number {
    return node >= this.base ? node - this.base : -1
  }
}
