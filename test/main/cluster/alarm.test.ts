import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../../../src/main/cluster/alarm.js'

test('an alarm ends the wait under way, or else the next one, and only that', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const alarm = new Alarm()
  const underWay = alarm.wait(1000)
  alarm.ring()
  await underWay

  alarm.ring()
  alarm.ring()
  await alarm.wait(1000)

  let ended = false
  const full = alarm.wait(1000).then(() => {
    ended = true
  })
  context.mock.timers.tick(999)
  await new Promise(setImmediate)
  assert.equal(ended, false)
  context.mock.timers.tick(1)
  await full
})

test('an alarm that rang leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const alarm = new Alarm()
  const waiting = alarm.wait(60_000)
  assert.equal(timers(), before + 1)
  alarm.ring()
  await waiting
  assert.equal(timers(), before)
})
