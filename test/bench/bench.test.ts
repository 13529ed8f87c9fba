import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Findings } from '../../bench/suite.js'
import { Child } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'

const BENCH = new URL('../../bench/bench.js', import.meta.url)
const RESULTS = new URL('../../bench/results.js', import.meta.url)

/** Those that need nothing but Node. */
const SUITES = ['ring', 'store', 'memory', 'hit-ratio', 'cluster', 'live', 'attacks']
/** Those that read figures of processes from /proc. */
const LINUX_ONLY = ['memory', 'cluster', 'live', 'attacks']

describe('npm run bench', () => {
  const folder = tempFolder()

  it('runs each suite, small, prints its tables and writes the same to a file, of which pages are made', async () => {
    const file = join(folder, 'report.json')
    const { code, stdout, stderr } = await new Child(BENCH, ['--smoke', '--json', file, ...SUITES]).ended
    assert.equal(code, 0, stderr)
    const report = JSON.parse(readFileSync(file, 'utf8')) as { suites: (Findings & { suite: string })[] }
    assert.deepEqual(
      report.suites.map(({ suite }) => suite),
      SUITES,
    )
    for (const { suite, tables } of report.suites) {
      assert.match(stdout, new RegExp(`^${suite}: `, 'm'))
      if (LINUX_ONLY.includes(suite) && process.platform !== 'linux') continue
      assert.ok(tables.length > 0, suite)
      for (const { title, columns, rows } of tables) {
        assert.ok(stdout.includes(title), title)
        assert.ok(rows.length > 0 && rows.every((row) => row.length === columns.length), title)
      }
    }

    const written = await new Child(RESULTS, [file, folder]).ended
    assert.equal(written.code, 0, written.stderr)
    assert.match(readFileSync(join(folder, 'ring.md'), 'utf8'), /^\| 3 \| /m)
    assert.match(readFileSync(join(folder, 'hit-ratio-mixed.svg'), 'utf8'), /^<svg .*<\/svg>\n$/s)
  })

  it('says which suites there are when one is unknown', async () => {
    const { code, stderr } = await new Child(BENCH, ['rings']).ended
    assert.equal(code, 2)
    assert.equal(
      stderr,
      'bench: there is no suite rings; there are ring, store, memory, hit-ratio, grpc, http, resp, cluster, live, attacks\n',
    )
  })

  it('says in one line what is wrong with a flag', async () => {
    const { code, stderr } = await new Child(BENCH, ['--fast']).ended
    assert.equal(code, 2)
    assert.match(stderr, /^bench: Unknown option '--fast'; [^\n]*\n$/)
  })
})
