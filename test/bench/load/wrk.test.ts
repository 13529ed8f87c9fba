import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrk } from '../../../bench/load/wrk.js'

test('what the script has wrk write is read', () => {
  const output =
    'Running 2s test @ http://127.0.0.1:1/\n  100 requests in 2.00s\nRESULT 100 3 2000000 5 7 6\n'
  const { callCount, errorCount, callsPerSecond, latenciesUs } = parseWrk(output)
  assert.deepEqual([callCount, errorCount, callsPerSecond], [97, 3, 50])
  assert.deepEqual([...latenciesUs], [5, 6, 7])
})

test('anything else is an error, not a figure', () => {
  assert.throws(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n'), /something unknown/)
})
