import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { didYouMean, nearest } from '../../../src/main/option/nearest.js'

const NAMES = ['self', 'service', 'etcd', 'peers', 'workers', 'keyBytesMax']

describe('nearest', () => {
  for (const [typed, meant] of [
    ['slef', 'self'],
    ['worker', 'workers'],
    ['Workers', 'workers'],
    ['keybytesmax', 'keyBytesMax'],
    ['keyBytes', 'keyBytesMax'],
  ] as const) {
    // The last one is three edits away: more than two, and more than a third of its letters.
    const expected = typed === 'keyBytes' ? undefined : meant
    it(`answers ${expected} to ${typed}`, () => assert.equal(nearest(typed, NAMES), expected))
  }

  it('answers nothing to a name that is like none', () =>
    assert.equal(nearest('compression', NAMES), undefined))
  it('never takes a name for another one of which no letter is right', () =>
    assert.equal(nearest('ab', ['xy']), undefined))
})

describe('didYouMean', () => {
  it('is empty without a guess', () => assert.equal(didYouMean('compression', NAMES), ''))
  it('asks', () => assert.equal(didYouMean('slef', NAMES), ' (did you mean self?)'))
})
