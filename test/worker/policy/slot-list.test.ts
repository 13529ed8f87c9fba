import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { SlotLists } from '../../../src/worker/policy/slot-list.js'
import { prng } from '../../support/prng.js'

/** First slots of those that are used: on both sides of them, links get longer. */
const FIRST_SLOTS = {
  'few slots': 0,
  'slots beyond 16 bits': 2 ** 16 - 16,
  'slots beyond 24 bits': 2 ** 24 - 16,
}

for (const [what, first] of Object.entries(FIRST_SLOTS)) {
  test(`SlotLists keeps the order of arrays through random operations on ${what}`, () => keepsOrder(first))
}

function keepsOrder(first: number): void {
  const seed = randomInt(2 ** 31)
  const random = prng(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const slotCount = 24
  const lists = new SlotLists(first + slotCount, 3)
  const model: number[][] = [[], [], []]
  const take = (slot: number) => {
    for (const list of model) if (list.includes(slot)) list.splice(list.indexOf(slot), 1)
  }
  for (let step = 0; step < 5_000; step++) {
    // At first only those that do without longer links.
    const slot = first + below(step < 100 ? 8 : slotCount)
    const list = below(3)
    const linked = lists.has(slot)
    assert.equal(
      linked,
      model.some((held) => held.includes(slot)),
    )
    const operation = below(4)
    if (!linked && operation < 2 && model[list]!.length > 0) {
      const newer = model[list]![below(model[list]!.length)]!
      lists.addOlder(newer, slot)
      model[list]!.splice(model[list]!.indexOf(newer), 0, slot)
    } else if (!linked) {
      lists.addHead(list, slot)
      model[list]!.push(slot)
    } else if (operation < 2) {
      lists.remove(slot)
      take(slot)
    } else {
      lists.moveToHead(list, slot)
      take(slot)
      model[list]!.push(slot)
    }
    if (first === 0 || step === 4_999) {
      assert.equal(lists.check([0, 1, 2]), model.flat().length, `seed ${seed}`)
    }
    for (const at of [0, 1, 2]) {
      assert.deepEqual([...lists.slots(at)], model[at], `seed ${seed}, step ${step}`)
      assert.equal(lists.tail(at), model[at]![0] ?? -1)
      assert.equal(lists.head(at), model[at]!.at(-1) ?? -1)
      for (const [i, held] of model[at]!.entries()) assert.equal(lists.older(held), model[at]![i - 1] ?? -1)
    }
  }
}

test('SlotLists makes its links longer with the first slot that needs it, and none later', () => {
  for (const bits of [16, 24]) {
    for (const slot of [2 ** bits - 3, 2 ** bits - 2, 2 ** bits - 1]) {
      // Slot 0 is the second node after the one list.
      const lists = new SlotLists(2 ** bits, 1)
      lists.addHead(0, 0)
      lists.addHead(0, slot)
      assert.deepEqual([...lists.slots(0)], [0, slot])
    }
  }
})

test('SlotLists links the first slot to one of the last', () => {
  for (const slotCount of [2 ** 16 + 2, 2 ** 24 + 2]) {
    const lists = new SlotLists(slotCount, 1)
    const slots = [0, slotCount - 1, 1, slotCount - 2, slotCount - 3, slotCount - 4, slotCount - 5]
    for (const slot of slots) lists.addHead(0, slot)
    assert.deepEqual([...lists.slots(0)], slots)
    for (const slot of slots) {
      assert.equal(lists.tail(0), slot)
      assert.ok(lists.has(slot))
      lists.remove(slot)
      assert.ok(!lists.has(slot))
    }
    assert.equal(lists.tail(0), -1)
  }
})

test('SlotLists costs 4 bytes a slot while there are few, and 6 when there are many', () => {
  const lists = new SlotLists(10, 1)
  assert.equal(lists.bytesFor(0), 0)
  assert.equal(lists.bytesFor(30_000), 4 * 30_000)
  assert.equal(lists.bytesFor(2 ** 16), 6 * 2 ** 16)
  assert.equal(lists.bytesFor(1e6), 6e6)
  assert.equal(lists.bytesFor(2 ** 24), 8 * 2 ** 24)
  assert.equal(new SlotLists(10, 2 ** 16).bytesFor(1), 6, 'all slots are beyond 16 bits')
})

test('SlotLists refuses to link a slot twice or to unlink one that is not linked', () => {
  const lists = new SlotLists(4, 2)
  lists.addHead(0, 2)
  assert.throws(() => lists.addHead(1, 2), /in a list already/)
  assert.throws(() => lists.addOlder(2, 2), /in a list already/)
  assert.throws(() => lists.addOlder(3, 1), /neighbour is in no list/)
  assert.throws(() => lists.remove(3), /in no list/)
})

test('SlotLists.check finds a slot of a list that it was not told of', () => {
  const lists = new SlotLists(4, 2)
  lists.addHead(0, 0)
  lists.addHead(1, 1)
  assert.throws(() => lists.check([0]), /A linked slot is in no list/)
})
