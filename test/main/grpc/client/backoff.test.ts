import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Backoff } from '../../../../src/main/grpc/client/backoff.js'

const rounded = (numbers: readonly number[]) => numbers.map((number) => Math.round(number))

describe('pauses between attempts', () => {
  it('grow by 1.6 up to their limit, and begin anew after a success', () => {
    const backoff = new Backoff(300, () => 0.5)
    const pauses = Array.from({ length: 5 }, () => backoff.next())
    assert.deepEqual(rounded(pauses), [100, 160, 256, 300, 300])
    backoff.reset()
    assert.equal(backoff.next(), 100)
  })

  it('vary by a fifth either way', () => {
    assert.deepEqual(
      rounded([
        new Backoff(1000, () => 0).next(),
        new Backoff(1000, () => 1).next(),
        new Backoff(10, () => 0.5).next(),
      ]),
      [80, 120, 10],
    )
  })
})
