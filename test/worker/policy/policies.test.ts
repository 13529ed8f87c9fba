import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPolicyName } from '../../../src/shared/policy-names.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import { testPolicyContract } from './policy-contract.js'

for (const [name, create] of Object.entries(POLICIES)) testPolicyContract(name, create)

test('isPolicyName knows the policies and nothing that objects bring along', () => {
  assert.ok(isPolicyName('lru'))
  assert.ok(!isPolicyName('LRU'))
  assert.ok(!isPolicyName('toString'))
})
