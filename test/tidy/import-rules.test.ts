import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cycleFaults, deadFileFaults, directionFaults, type Layer, policyFaults } from './import-rules.js'
import { madeUp } from './made-up.js'

const LAYERS: readonly Layer[] = [
  { name: 'low', paths: ['src/low/'], mayImport: [] },
  { name: 'ring', paths: ['src/high/ring.ts'], mayImport: ['low'] },
  { name: 'high', paths: ['src/high/'], mayImport: ['low', 'ring'] },
]

describe('directionFaults', () => {
  it('lets a layer import what the table allows, and itself', () => {
    const files = madeUp({
      'src/high/a.ts':
        "import { b } from '../low/b.js'\nimport { c } from './c.js'\nimport { join } from 'node:path'",
      'src/high/c.ts': "export { r } from './ring.js'",
      'src/high/ring.ts': "export const r = new URL('./a.js', import.meta.url)",
      'src/low/b.ts': 'export const b = 1',
    })
    assert.deepEqual(directionFaults(files, LAYERS), [])
  })

  for (const [how, code] of [
    ['an import', "import { a } from '../high/a.js'"],
    ['a type import', "import type { A } from '../high/a.js'"],
    ['a re-export', "export * from '../high/a.js'"],
    ['an import() at run time', "export const a = await import('../high/a.js')"],
    ['a type in an import()', "export type A = import('../high/a.js').A"],
  ] as const) {
    it(`finds ${how} that goes the other way`, () => {
      const faults = directionFaults(madeUp({ 'src/low/b.ts': `\n${code}` }), LAYERS)
      assert.equal(faults.length, 1)
      assert.match(
        faults[0]!,
        /^src\/low\/b\.ts:2: low must not import high \(src\/high\/a\.ts\): .*only itself; declare/,
      )
    })
  }

  it('takes the first layer that names a file', () => {
    const faults = directionFaults(madeUp({ 'src/high/ring.ts': "import './a.js'" }), LAYERS)
    assert.match(faults[0]!, /ring must not import high/)
  })

  it('finds a file without a layer', () => {
    assert.match(
      directionFaults(madeUp({ 'src/new.ts': '' }), LAYERS)[0]!,
      /belongs to no layer; give it a place/,
    )
  })
})

describe('cycleFaults', () => {
  it('finds a cycle once, type imports included', () => {
    const faults = cycleFaults(
      madeUp({
        'src/a.ts': "import './b.js'",
        'src/b.ts': "import type { C } from './c.js'\nimport './d.js'",
        'src/c.ts': "import './a.js'",
        'src/d.ts': '',
      }),
    )
    assert.equal(faults.length, 1)
    assert.match(faults[0]!, /^src\/a\.ts → src\/b\.ts → src\/c\.ts → src\/a\.ts: a cycle of imports; move/)
  })

  it('finds a file that imports itself', () => {
    assert.equal(cycleFaults(madeUp({ 'src/a.ts': "import { a } from './a.js'" })).length, 1)
  })

  it('takes two ways to one file, and a file that is named by URL, for no cycle', () => {
    const files = madeUp({
      'src/a.ts': "import './b.js'\nimport './c.js'",
      'src/b.ts': "import './c.js'",
      'src/c.ts': "export const a = new URL('./a.js', import.meta.url)",
    })
    assert.deepEqual(cycleFaults(files), [])
  })
})

describe('deadFileFaults', () => {
  const files = madeUp({
    'src/main.ts':
      "import type { A } from './a.js'\nexport const worker = new URL('./worker.js', import.meta.url)",
    'src/a.ts': "export type A = import('./b.js').B",
    'src/b.ts': '',
    'src/worker.ts': '',
    'src/island.ts': "import './shore.js'",
    'src/shore.ts': "import './island.js'",
    'src/self.ts': "import './self.js'",
  })

  it('finds files that no entry point leads to, those too that import each other or themselves', () => {
    const dead = deadFileFaults(files, ['src/main.ts']).map((fault) => fault.split(':')[0])
    assert.deepEqual(dead, ['src/island.ts', 'src/shore.ts', 'src/self.ts'])
  })

  it('finds an entry point that is not there', () => {
    assert.match(
      deadFileFaults([], ['src/gone.ts'])[0]!,
      /^src\/gone\.ts: named as an entry point, but not there/,
    )
  })
})

describe('policyFaults', () => {
  it('finds a policy that imports another one, and lets it import anything else', () => {
    const files = madeUp({
      'p/policies.ts': "import './policy.js'\nimport './lru.js'\nimport './fifo.js'",
      'p/policy.ts': '',
      'p/slot-list.ts': '',
      'p/lru.ts': "import './slot-list.js'\nimport type { P } from './policy.js'",
      'p/fifo.ts': "\n\nimport './lru.js'",
    })
    const faults = policyFaults(files, 'p/policies.ts', 'p/policy.ts')
    assert.equal(faults.length, 1)
    assert.match(faults[0]!, /^p\/fifo\.ts:3: a policy imports another one \(p\/lru\.ts\)/)
  })
})
