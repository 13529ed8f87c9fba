import assert from 'node:assert/strict'
import { it } from 'node:test'
import { POLICY_NAMES } from '../../src/shared/policy-names.js'
import { POLICIES } from '../../src/worker/policy/policies.js'

it('A configuration may name every policy that the shards can make, and no other', () => {
  assert.deepEqual([...POLICY_NAMES].sort(), Object.keys(POLICIES).sort())
})
