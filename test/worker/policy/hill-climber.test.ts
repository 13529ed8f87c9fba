import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HillClimber } from '../../../src/worker/policy/hill-climber.js'

const SAMPLE = 100

/** One sample with so many hits, and the step that it leads to. */
function sample(climber: HillClimber, hits: number): number {
  for (let request = 0; request < SAMPLE; request++) {
    assert.equal(climber.climb(SAMPLE), 0, 'no step before the sample is full')
    if (request < hits) climber.recordHit()
    else climber.recordMiss()
  }
  return climber.climb(SAMPLE)
}

test('HillClimber goes on while the hit ratio rises and turns round when it falls', () => {
  const climber = new HillClimber(1)
  assert.ok(sample(climber, 50) > 0)
  assert.ok(sample(climber, 52) > 0)
  assert.ok(sample(climber, 51) < 0)
  assert.ok(sample(climber, 53) < 0)
  assert.ok(sample(climber, 50) > 0)
})

test('HillClimber takes shorter steps in calm water and starts anew when the hit ratio jumps', () => {
  const climber = new HillClimber(-1)
  sample(climber, 50)
  const steps = Array.from({ length: 50 }, () => sample(climber, 50))
  assert.equal(steps[0], -0.0625)
  for (const [at, step] of steps.entries()) if (at > 0) assert.ok(Math.abs(step) < Math.abs(steps[at - 1]!))
  const turn = sample(climber, 20)
  assert.ok(turn > 0 && turn < 0.0625)
  assert.equal(sample(climber, 20), 0.0625)
})
