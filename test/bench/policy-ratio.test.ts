import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const COMMAND = fileURLToPath(new URL('../../bench/policy-ratio.js', import.meta.url))

test('policy-ratio says which figures differ from the reference, and fails', () => {
  const directory = mkdtempSync(join(tmpdir(), 'traces-'))
  try {
    // A trace of that name, but another one: every request is a miss.
    writeFileSync(join(directory, 'lirs-2pools.txt.gz'), gzipSync('0\n1\n2\n3\n'))
    const names = ['lirs-2pools', 'web12']
    const run = spawnSync(process.execPath, [COMMAND, '--trace', directory, ...names], { encoding: 'utf8' })
    assert.equal(run.status, 1)
    assert.match(run.stdout, /lirs-2pools at 100 entries\n {2}fifo +0\.00 {2}-19\.38 out of tolerance/)
    assert.match(run.stdout, /web12: no such trace here/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
