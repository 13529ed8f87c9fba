import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

/**
 * The compiled tests of `dist/test` that are named: files or folders, there or where their sources are, in `test`.
 *
 * @param root folder of the package
 * @throws Error that says what to type when there are none by that name
 */
export function findTests(root, names) {
  return names.flatMap((name) => {
    const inPackage = relative(root, resolve(root, name))
    const compiled = inPackage.replace(/^test(?=[/\\]|$)/, join('dist', 'test')).replace(/\.ts$/, '.js')
    const isTest = compiled.startsWith(join('dist', 'test')) && existsSync(join(root, compiled))
    const tests = isTest ? testsBelow(join(root, compiled)) : []
    if (tests.length > 0) return tests
    throw new Error(
      `there are no tests at ${name}: name a file or folder, as test/main or test/main/node.test.ts`,
    )
  })
}

function testsBelow(path) {
  if (path.endsWith('.js')) return path.endsWith('.test.js') ? [path] : []
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(path, name))
    .sort()
}
