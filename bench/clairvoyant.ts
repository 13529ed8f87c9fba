import type { Trace } from './trace.js'

/**
 * The hits of the best policy there can be when every missed entry must be inserted: it gives up the entry whose next
 * use is farthest away (Belady, "A study of replacement algorithms for a virtual-storage computer", 1966). Every entry
 * costs 1.
 */
export function simulateClairvoyant({ keys, keyCount }: Trace, capacity: number): number {
  const nextUse = findNextUses(keys, keyCount)
  // Uses ahead, farthest first. A use that has come to pass is smaller than all others: it is never reached.
  const heap = new MaxHeap(keys.length)
  const held = new Uint8Array(keyCount)
  let heldCount = 0
  let hits = 0
  for (let request = 0; request < keys.length; request++) {
    const key = keys[request]!
    if (held[key] !== 0) {
      hits++
    } else {
      if (heldCount === capacity) {
        held[keyAt(heap.pop())] = 0
        heldCount--
      }
      held[key] = 1
      heldCount++
    }
    heap.push(nextUse[request]!)
  }
  return hits

  /** Keys that are never used again have uses beyond the end, one for each. */
  function keyAt(use: number): number {
    return use < keys.length ? keys[use]! : use - keys.length
  }
}

function findNextUses(keys: Int32Array, keyCount: number): Int32Array {
  const upcoming = Int32Array.from({ length: keyCount }, (_, key) => keys.length + key)
  const nextUse = new Int32Array(keys.length)
  for (let request = keys.length - 1; request >= 0; request--) {
    nextUse[request] = upcoming[keys[request]!]!
    upcoming[keys[request]!] = request
  }
  return nextUse
}

class MaxHeap {
  private readonly items: Int32Array
  private count = 0

  constructor(countMax: number) {
    this.items = new Int32Array(countMax)
  }

  push(item: number): void {
    const { items } = this
    let at = this.count++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent]! >= item) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = item
  }

  pop(): number {
    const { items } = this
    const top = items[0]!
    const last = items[--this.count]!
    let at = 0
    for (let child = 1; child < this.count; child = 2 * at + 1) {
      if (child + 1 < this.count && items[child + 1]! > items[child]!) child++
      if (items[child]! <= last) break
      items[at] = items[child]!
      at = child
    }
    items[at] = last
    return top
  }
}
