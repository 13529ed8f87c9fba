import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { TransientMap } from '../../src/shared/transient-map.js'
import { TransientSet } from '../../src/shared/transient-set.js'
import { Prng, seedOf } from '../support/prng.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void
setFlagsFromString('--no-expose-gc')

/** As far as the young generation goes. */
function collectYoung(): void {
  // What survives two of them is in the old generation.
  for (let round = 0; round < 3; round++) collect({ type: 'minor' })
}

test('it agrees with a Map, order included', () => {
  const random = new Prng(seedOf())
  const map = new TransientMap<number, number>()
  const model = new Map<number, number>()
  for (let step = 0; step < 20_000; step++) {
    const key = random.below(step % 4000 < 2000 ? 100 : 4)
    const act = random.below(100)
    if (act < 50) {
      map.set(key, step)
      model.set(key, step)
    } else if (act < 98) {
      assert.equal(map.delete(key), model.delete(key))
    } else if (act === 98) {
      const oldest = [...model.keys()].slice(0, 3)
      for (const taken of oldest) model.delete(taken)
      assert.deepEqual(map.take(3), oldest)
    } else if (random.below(50) === 0) {
      map.clear()
      model.clear()
    }
    assert.equal(map.size, model.size)
    assert.equal(map.get(key), model.get(key))
    assert.equal(map.has(key), model.has(key))
    if (step % 50 !== 0) continue
    assert.deepEqual(map.keys(), [...model.keys()])
    assert.deepEqual(map.values(), [...model.values()])
  }
})

test('a set takes out its oldest members', () => {
  const set = new TransientSet<string>()
  for (const member of ['a', 'b', 'c', 'b']) set.add(member)
  assert.equal(set.size, 3)
  assert.equal(set.delete('a'), true)
  assert.equal(set.delete('a'), false)
  assert.deepEqual(set.take(1), ['b'])
  assert.equal(set.has('b'), false)
  assert.deepEqual(set.values(), ['c'])
  assert.deepEqual(set.take(9), ['c'])
})

test('a young collection frees what has come and gone, however long the map was idle before', () => {
  const map = new TransientMap<number, number[]>()
  map.set(-1, [])
  collectYoung()
  const before = process.memoryUsage().heapUsed
  const count = 20_000
  for (let key = 0; key < count; key++) {
    map.set(key, new Array<number>(128).fill(key))
    map.delete(key - 4)
    if (key % 1000 === 0) collectYoung()
  }
  collectYoung()
  const keptBytes = process.memoryUsage().heapUsed - before
  assert.ok(keptBytes < (count * 1024) / 10, `${keptBytes} bytes are kept of ${count * 1024}`)
})
