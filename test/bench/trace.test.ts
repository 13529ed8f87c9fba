import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { concatenateTraces, readTrace, traceOf } from '../../bench/trace.js'
import { zipf } from '../../bench/zipf.js'
import { prng } from '../support/prng.js'

test('readTrace reads keys, and sizes where there are some', () => {
  const directory = mkdtempSync(join(tmpdir(), 'trace-'))
  try {
    writeFileSync(join(directory, 'plain.txt.gz'), gzipSync('0\n1\n0\n12\n'))
    writeFileSync(join(directory, 'sized.txt.gz'), gzipSync('0 512\n1 4294967295\n'))
    const plain = readTrace(directory, 'plain')
    assert.deepEqual([...plain.keys], [0, 1, 0, 12])
    assert.equal(plain.keyCount, 13)
    assert.equal(plain.sizes, undefined)
    const sized = readTrace(directory, 'sized')
    assert.deepEqual([...sized.keys], [0, 1])
    assert.deepEqual([...sized.sizes!], [512, 4294967295])
    assert.throws(() => readTrace(directory, 'absent'), { code: 'ENOENT' })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('concatenateTraces sets the keys of its parts apart', () => {
  const trace = traceOf('part', Int32Array.from([0, 1]))
  const both = concatenateTraces('both', [
    { trace, keyOffset: 0 },
    { trace, keyOffset: 2 },
  ])
  assert.deepEqual([...both.keys], [0, 1, 2, 3])
  assert.equal(both.keyCount, 4)
})

test('zipf asks for the key of rank r in proportion to 1 / r', () => {
  const next = zipf(4, prng(1))
  const counts = [0, 0, 0, 0]
  for (let request = 0; request < 25_000; request++) counts[next()]!++
  // 12 : 6 : 4 : 3
  for (const [key, expected] of [12_000, 6_000, 4_000, 3_000].entries()) {
    assert.ok(Math.abs(counts[key]! - expected) < 400, `${counts}`)
  }
})
