import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration, parseDuration } from '../../../src/main/option/duration.js'

describe('parseDuration', () => {
  for (const [text, durationMs] of [
    ['0', 0],
    ['500ms', 500],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2 h', 7_200_000],
  ] as const) {
    it(`takes ${text}`, () => assert.equal(parseDuration(text), durationMs))
  }

  for (const text of ['', '5', '5min', '-1s', '0.5ms', '1d', '1h30m', 's']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined))
  }
})

describe('formatDuration', () => {
  it('takes the largest unit that divides evenly', () => {
    const texts = [0, 1, 1000, 1500, 60_000, 90_000, 3_600_000].map(formatDuration)
    assert.deepEqual(texts, ['0', '1ms', '1s', '1500ms', '1m', '90s', '1h'])
  })
})
