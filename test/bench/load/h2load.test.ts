import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseH2load } from '../../../bench/load/h2load.js'

const OUTPUT = `
finished in 1.25s, 321133.99 req/s, 12.26MB/s
requests: 4 total, 4 started, 4 done, 3 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 3 2xx, 0 3xx, 0 4xx, 1 5xx
traffic: 15.26MB (16006432) total, 784.67KB (803504) headers (space savings 94.71%), 30B (30) data
`
const LOG =
  '1795367917041349\t200\t300\n1795367917041349\t500\t900\n1795367917041350\t200\t100\n1795367917041351\t200\t200\n'

describe('parseH2load', () => {
  it('reads rate, counts and the durations of what succeeded, in order', () => {
    const result = parseH2load(OUTPUT, LOG, 10)
    assert.equal(result.callsPerSecond, 321133.99)
    assert.equal(result.callCount, 3)
    assert.equal(result.errorCount, 1)
    assert.deepEqual([...result.latenciesUs], [100, 200, 300])
  })

  it('takes no answer for good when together they are not as long as they must be', () => {
    const result = parseH2load(OUTPUT, LOG, 11)
    assert.equal(result.callCount, 0)
    assert.equal(result.errorCount, 4)
  })

  it('rejects what it does not know', () => {
    assert.throws(() => parseH2load('h2load: no such option', ''), /h2load wrote something unknown/)
  })
})
