import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matchesGlob } from '../../../src/main/resp/glob.js'

describe('matchesGlob', () => {
  for (const [pattern, matching, others] of [
    ['get', ['get'], ['gets', 'ge', '']],
    ['', [''], ['a']],
    ['*', ['', 'anything'], []],
    ['max*-*y', ['maxmemory-policy', 'max-y'], ['maxmemory', 'maxmemory-policies']],
    ['g?t', ['get', 'got'], ['gt', 'geet']],
    ['g[eo]t', ['get', 'got'], ['gat', 'g[eo]t']],
    ['g[a-f]t', ['get', 'gat'], ['got', 'g-t']],
    ['g[f-a]t', ['get'], ['got']],
    ['g[^e]t', ['got'], ['get', 'gt']],
    ['g[\\]e]t', ['get', 'g]t'], ['g\\t']],
    ['\\*\\?', ['*?'], ['ab', '\\*\\?']],
    ['g[e', ['ge'], ['g', 'g[']],
    ['[', [], ['', '[']],
    ['a\\', ['a\\'], ['a']],
  ] as const) {
    it(`${pattern || 'nothing'} matches what it says and nothing else`, () => {
      for (const text of matching) assert.ok(matchesGlob(pattern, text), text)
      for (const text of others) assert.ok(!matchesGlob(pattern, text), text)
    })
  }

  it('takes no longer for a pattern that is made to take long', () => {
    assert.ok(!matchesGlob('*a'.repeat(30), `${'a'.repeat(5000)}b`))
    assert.ok(!matchesGlob('*'.repeat(1 << 22), 'a'))
  })
})
