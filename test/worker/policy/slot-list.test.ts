import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { SlotLists } from '../../../src/worker/policy/slot-list.js'
import { prng } from '../../support/prng.js'

test('SlotLists keeps the order of arrays through random operations', () => {
  const seed = randomInt(2 ** 31)
  const random = prng(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const slotCount = 24
  const lists = new SlotLists(slotCount, 3)
  const model: number[][] = [[], [], []]
  const take = (slot: number) => {
    for (const list of model) if (list.includes(slot)) list.splice(list.indexOf(slot), 1)
  }
  for (let step = 0; step < 5_000; step++) {
    const slot = below(slotCount)
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
    assert.equal(lists.check([0, 1, 2]), model.flat().length, `seed ${seed}`)
    for (const at of [0, 1, 2]) {
      assert.deepEqual([...lists.slots(at)], model[at], `seed ${seed}, step ${step}`)
      assert.equal(lists.tail(at), model[at]![0] ?? -1)
      assert.equal(lists.head(at), model[at]!.at(-1) ?? -1)
      for (const [i, held] of model[at]!.entries()) assert.equal(lists.older(held), model[at]![i - 1] ?? -1)
    }
  }
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
