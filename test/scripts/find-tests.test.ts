import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = new URL('../../../scripts/find-tests.mjs', import.meta.url)
const { findTests } = (await import(script.href)) as { findTests(root: string, names: string[]): string[] }
const root = fileURLToPath(new URL('../../..', import.meta.url))
const own = `${root}dist/test/scripts/find-tests.test.js`

test('a test is named by its source or by what it is compiled to', () => {
  for (const name of [
    'test/scripts/find-tests.test.ts',
    './test/scripts/find-tests.test.ts',
    'dist/test/scripts/find-tests.test.js',
    own,
  ]) {
    assert.deepEqual(findTests(root, [name]), [own], name)
  }
})

test('a folder stands for all tests below it', () => {
  for (const name of ['test/scripts', 'test/scripts/', 'dist/test/scripts']) {
    const found = findTests(root, [name])
    assert.ok(found.includes(own) && found.length > 1, name)
  }
  const all = findTests(root, ['test'])
  assert.ok(all.length > 100 && all.every((path) => path.endsWith('.test.js')))
})

test('what is no test is said to be none, with what to type', () => {
  for (const name of ['test/nowhere.test.ts', 'nowhere', 'src', 'test/support/child.ts', '../..']) {
    assert.throws(
      () => findTests(root, [name]),
      /there are no tests at .*: name a file or folder, as test\/main/,
      name,
    )
  }
})
