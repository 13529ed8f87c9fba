import assert from 'node:assert/strict'
import { it } from 'node:test'
import { goalCells, ratio } from '../../bench/goal.js'

it('tells whether a bar is reached', () => {
  const what = 'CPU'
  assert.deepEqual(goalCells({ what, measured: 0.25, atMost: 0.25 }), [
    what,
    '0.250',
    'at most 0.250',
    'reached',
  ])
  assert.deepEqual(goalCells({ what, measured: 0.3, atMost: 0.25 })[3], 'missed')
  assert.deepEqual(goalCells({ what, measured: 250_000.4, atLeast: 200_000 }).slice(1), [
    '250,000',
    'at least 200,000',
    'reached',
  ])
  assert.deepEqual(goalCells({ what, measured: 1, atLeast: 2 })[3], 'missed')
})

it('tells nothing of what was not measured', () => {
  assert.equal(ratio(1, undefined), undefined)
  assert.equal(ratio(undefined, 1), undefined)
  assert.equal(ratio(1, 4), 0.25)
  assert.deepEqual(goalCells({ what: 'CPU', measured: undefined, atMost: 1 }).slice(1), [
    '–',
    'at most 1',
    'not measured',
  ])
})
