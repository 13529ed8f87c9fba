import assert from 'node:assert/strict'
import { test } from 'node:test'
import { churnNode } from '../support/node-churn.js'
import { seedOf } from '../support/prng.js'

test('a node that is resized, cleared, killed and given other policies agrees with its source throughout', async (t) => {
  const report = await churnNode({ seed: seedOf(), durationMs: 2000, readerCount: 2 })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.hits! > 0 && report.deletes! > 0, 'there was something to disagree about')
})
