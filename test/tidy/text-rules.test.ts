import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { madeUp } from './made-up.js'
import {
  fileSizeFaults,
  functionSizeFaults,
  moduleStateFaults,
  nameFaults,
  packageFaults,
  useFaults,
  wordFaults,
} from './text-rules.js'

/** Where each fault is: `path:line`. */
function places(faults: readonly string[]): string[] {
  return faults.map((fault) => fault.split(': ')[0]!)
}

describe('nameFaults', () => {
  it('finds names that say nothing, and those that are not kebab-case', () => {
    const paths = [
      'src/utils.ts',
      'src/a/types.ts',
      'test/helper.test.ts',
      'src/shardPool.ts',
      'src/shard-pool.ts',
      'bench/store.bench.ts',
    ]
    const faults = nameFaults(madeUp(Object.fromEntries(paths.map((path) => [path, '']))))
    assert.deepEqual(places(faults), paths.slice(0, 4))
  })
})

describe('fileSizeFaults', () => {
  it('finds files with more lines than the limit, and no others', () => {
    const files = madeUp({ 'a.ts': 'a\n'.repeat(3), 'b.ts': 'b\n'.repeat(4) })
    assert.match(fileSizeFaults(files, 3).join(), /^b\.ts: 4 lines, 3 at most; .* split it/)
  })
})

describe('functionSizeFaults', () => {
  const body = '{\n1\n2\n}'

  for (const [what, code, name] of [
    ['functions', `function long() ${body}`, 'long'],
    ['arrow functions', `const long = () => ${body}`, 'long'],
    ['methods', `class A { long() ${body} }`, 'long'],
    ['constructors', `class A { constructor() ${body} }`, 'constructor'],
    ['getters', `class A { get long() ${body} }`, 'long'],
    ['callbacks', `run(() => ${body})`, 'function'],
  ] as const) {
    it(`measures ${what}`, () => {
      const files = madeUp({ 'a.ts': `// One line of comment.\n${code}` })
      assert.deepEqual(functionSizeFaults(files, 4), [])
      assert.match(
        functionSizeFaults(files, 3).join(),
        new RegExp(`^a\\.ts:2: ${name} has 4 lines, 3 at most`),
      )
    })
  }

  it('does not count the comment above', () => {
    assert.deepEqual(
      functionSizeFaults(madeUp({ 'a.ts': `/**\n * Long\n * story.\n */\nfunction a() {}` }), 2),
      [],
    )
  })
})

describe('wordFaults', () => {
  it('finds words in code and comments, with line and advice', () => {
    const files = madeUp({ 'a.ts': 'const a = 1\n// TODO: b\n', 'b.ts': 'const todo = 1' })
    assert.deepEqual(wordFaults(files, [[/\bTODO\b/, 'do it']]), ['a.ts:2: TODO: do it'])
  })
})

describe('useFaults', () => {
  const faultsOf = (code: string, use: string | RegExp) =>
    places(useFaults(madeUp({ 'a.ts': code }), use, [], 'advice'))

  it('finds globals in code, not in comments and texts', () => {
    assert.deepEqual(faultsOf("// Atomics\nconst a = 'Atomics'\nAtomics.load(b, 0)", 'Atomics'), ['a.ts:3'])
    assert.deepEqual(faultsOf('// console.log\nconsole.log(1)', 'console'), ['a.ts:2'])
  })

  it('finds casts to any', () => {
    assert.deepEqual(faultsOf('// as any\nconst a = b as any\nconst c = d as unknown', 'as any'), ['a.ts:2'])
  })

  it('finds default exports', () => {
    assert.deepEqual(faultsOf('export default 1', 'export default'), ['a.ts:1'])
    assert.deepEqual(faultsOf('export default class {}', 'export default'), ['a.ts:1'])
    assert.deepEqual(faultsOf('\nexport default function f() {}', 'export default'), ['a.ts:2'])
    assert.deepEqual(faultsOf('export const a = 1', 'export default'), [])
  })

  it('finds tests that are not run, and those that keep others from it', () => {
    const code = "it.skip('a', f)\ntest.only('b', f)\ndescribe.todo('c')\nbuffer.skip(3)\nit('d', f)"
    assert.deepEqual(faultsOf(code, /\.(skip|only|todo)$/), ['a.ts:1', 'a.ts:2', 'a.ts:3'])
  })

  for (const code of [
    'promisify(setTimeout)',
    'await new Promise((resolve) => setTimeout(resolve, 5))',
    'await new Promise(r => setTimeout(r, 5))',
    'await new Promise<void>((resolve) => {\n  setTimeout(resolve, 5)\n})',
  ]) {
    it(`finds the sleep in ${JSON.stringify(code)}`, () =>
      assert.deepEqual(faultsOf(code, 'sleep'), ['a.ts:1']))
  }

  it('takes a timeout that rejects for no sleep', () => {
    assert.deepEqual(faultsOf('new Promise((_, reject) => setTimeout(reject, 5))', 'sleep'), [])
  })

  it('leaves allowed files and folders alone', () => {
    const files = madeUp({ 'store/a.ts': 'Atomics', 'b.ts': 'Atomics', 'c.ts': 'Atomics' })
    assert.deepEqual(places(useFaults(files, 'Atomics', ['store/', 'b.ts'], 'advice')), ['c.ts:1'])
  })
})

describe('packageFaults', () => {
  it('finds imports of the package', () => {
    const files = madeUp({
      'a.ts': "\nimport { setTimeout } from 'node:timers/promises'",
      'b.ts': "import 'node:timers'",
    })
    assert.deepEqual(packageFaults(files, 'node:timers/promises', [], 'wait'), [
      'a.ts:2: node:timers/promises: wait',
    ])
    assert.deepEqual(packageFaults(files, 'node:timers/promises', ['a.ts'], 'wait'), [])
  })
})

describe('moduleStateFaults', () => {
  for (const code of [
    'let count = 0',
    'var count = 0',
    'export let count: number',
    'const seen = new Map<string, number>()',
    'const seen = new Set()',
    'const queue: string[] = []',
    'const byName: Record<string, number> = {}',
    'class A {\n  static count = 0\n}',
  ]) {
    it(`finds ${JSON.stringify(code)}`, () =>
      assert.equal(moduleStateFaults(madeUp({ 'a.ts': code })).length, 1))
  }

  it('lets constants, tables and what lives in functions and objects be', () => {
    const code = [
      'const LIMIT = 5',
      "const NAMES = new Set(['a'])",
      'const TABLE = { a: 1 } as const',
      'class A { static readonly b = 1; count = 0; #seen = new Map() }',
      'function f() { let a = 1; const b = []; return [a, b] }',
    ].join('\n')
    assert.deepEqual(moduleStateFaults(madeUp({ 'a.ts': code })), [])
  })
})
