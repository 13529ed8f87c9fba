import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TrackingTable } from '../../../src/main/resp/tracking-table.js'
import { Prng, seedOf } from '../../support/prng.js'

const NEVER = Number.POSITIVE_INFINITY

describe('TrackingTable', () => {
  const seed = seedOf()
  const [one, two] = [{ id: 1 }, { id: 2 }]

  it('tells who has a copy, by the name that it knows the value by', () => {
    const table = new TrackingTable(1e6, 100)
    table.add('g:a', one, 'g:a', NEVER)
    table.add('g:a', one, 'a', NEVER)
    table.add('g:a', two, 'a', NEVER)
    table.add('g:a', two, 'a', NEVER)
    assert.deepEqual(table.take('g:a'), [
      { reader: one, name: 'g:a' },
      { reader: one, name: 'a' },
      { reader: two, name: 'a' },
    ])
    assert.deepEqual(table.take('g:a'), [])
  })

  it('gives up the oldest when memory ends', () => {
    const table = new TrackingTable(5000, 100)
    const given: string[] = []
    for (let i = 0; i < 100; i++)
      given.push(...table.add(`g:${i}`, one, `g:${i}`, NEVER).map(({ name }) => name))
    assert.ok(table.bytes <= 5000)
    assert.deepEqual(
      given,
      Array.from({ length: given.length }, (_, i) => `g:${i}`),
    )
    assert.equal(given.length + table.count, 100)
  })

  it('gives up values as they expire, and by the time that was said last', () => {
    const table = new TrackingTable(1e6, 100)
    table.add('g:a', one, 'a', 1000)
    table.add('g:b', one, 'b', 1000)
    table.add('g:b', one, 'b', 3000)
    assert.deepEqual(table.takeDue(899), [])
    assert.deepEqual(table.takeDue(1000), [{ reader: one, name: 'a' }])
    assert.deepEqual(table.takeDue(3000), [{ reader: one, name: 'b' }])
    assert.equal(table.hasTimed, false)
  })

  it('holds nothing once all is taken', () => {
    const random = new Prng(seed)
    const table = new TrackingTable(20_000, 10)
    const readers = Array.from({ length: 5 }, (_, id) => ({ id }))
    for (let step = 0; step < 20_000; step++) {
      const value = `g${random.below(3)}:${random.below(40)}`
      const reader = readers[random.below(5)]!
      const choice = random.below(10)
      if (choice < 6) table.add(value, reader, value, random.below(2) === 0 ? NEVER : random.below(5000))
      else if (choice === 6) table.take(value)
      else if (choice === 7) table.removeCopy(value, reader)
      else if (choice === 8 && random.below(20) === 0) table.takeAll('g1:')
      else if (random.below(20) === 0) table.removeReader(reader)
      if (random.below(100) === 0) table.takeDue(random.below(5000))
    }
    for (const reader of readers) table.removeReader(reader)
    assert.equal(table.count, 0)
    assert.equal(table.bytes, 0)
    assert.equal(table.hasTimed, false)
  })
})
