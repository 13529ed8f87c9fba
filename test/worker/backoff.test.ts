import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheError } from '../../src/shared/errors.js'
import { Backoff } from '../../src/worker/backoff.js'
import { FakeClock } from '../support/fake-clock.js'

const error = (message: string): CacheError => new CacheError('UNKNOWN', message)

test('a pause doubles with every failure in a row, up to 32 times the first', () => {
  const clock = new FakeClock()
  const backoff = new Backoff(10, clock)
  for (const pauseMs of [10, 20, 40, 80, 160, 320, 320, 320]) {
    assert.equal(backoff.errorOf('k'), undefined)
    backoff.fail('k', error(`after ${pauseMs}`))
    clock.advance(pauseMs - 1)
    assert.equal(backoff.errorOf('k')?.message, `after ${pauseMs}`)
    assert.equal(backoff.errorOf('other'), undefined)
    clock.advance(1)
  }
})

test('a failure long after the last one is a first one, and so is one after a success', () => {
  const clock = new FakeClock()
  const backoff = new Backoff(10, clock)
  const pauseOf = (): number => {
    let pauseMs = 0
    for (; backoff.errorOf('k'); pauseMs++) clock.advance(1)
    return pauseMs
  }
  backoff.fail('k', error('1'))
  assert.equal(pauseOf(), 10)
  backoff.fail('k', error('2'))
  assert.equal(pauseOf(), 20)
  clock.advance(20)
  backoff.fail('k', error('3'))
  assert.equal(pauseOf(), 10)
  backoff.forget('k')
  backoff.fail('k', error('4'))
  assert.equal(pauseOf(), 10)
})

test('the memory of failures is bounded: the oldest is forgotten', () => {
  const backoff = new Backoff(1000, new FakeClock())
  for (let i = 0; i < 1024; i++) backoff.fail(`k${i}`, error('e'))
  backoff.fail('k0', error('again'))
  backoff.fail('new', error('e'))
  assert.equal(backoff.size, 1024)
  assert.ok(backoff.errorOf('k0'), 'it failed again later')
  assert.equal(backoff.errorOf('k1'), undefined)
  backoff.forgetAll()
  assert.equal(backoff.size, 0)
})
