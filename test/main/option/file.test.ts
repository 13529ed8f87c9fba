import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FileShape, readFileSettings } from '../../../src/main/option/file.js'
import type { OptionTable } from '../../../src/main/option/option.js'
import { address, anything, integer, list, text } from '../../../src/main/option/option-type.js'

const OPTIONS = {
  self: { path: 'self', type: address(), help: '' },
  hosts: { path: 'etcd.hosts', type: list(address()), help: '' },
  ttl: { path: 'etcd.leaseTtlSeconds', type: integer(1, 9), help: '' },
  workers: { path: 'workers', type: integer(1, 9), help: '' },
  config: { flag: 'config', type: text('FILE'), help: '' },
} as const satisfies OptionTable

const GROUP = {
  maxBytes: { path: 'maxBytes', type: text('SIZE'), help: '' },
  options: { path: 'origin.options', type: anything(), help: '' },
} as const satisfies OptionTable

const SHAPE: FileShape = { options: OPTIONS, sectionsKey: 'groups', sectionOptions: GROUP }

function read(source: string) {
  return readFileSettings('a.yaml', source, SHAPE)
}

function textsOf(source: string): Record<string, string> {
  return Object.fromEntries([...read(source).settings].map(([name, { text: written }]) => [name, written]))
}

describe('readFileSettings', () => {
  it('reads scalars, lists and nested keys as they are written, with their lines', () => {
    const { settings } = read('self: "a:1"\netcd:\n  hosts: [b:1, c:2]\n  leaseTtlSeconds: 2\nworkers: 0x2\n')
    assert.deepEqual(
      [...settings],
      [
        ['self', { text: 'a:1', place: 'a.yaml line 1', key: 'self' }],
        ['hosts', { text: 'b:1,c:2', place: 'a.yaml line 3', key: 'etcd.hosts' }],
        ['ttl', { text: '2', place: 'a.yaml line 4', key: 'etcd.leaseTtlSeconds' }],
        ['workers', { text: '0x2', place: 'a.yaml line 5', key: 'workers' }],
      ],
    )
  })

  it('takes a list in one text, and anchors', () => {
    assert.deepEqual(textsOf('self: &me a:1\netcd: { hosts: "b:1,c:2" }'), { self: 'a:1', hosts: 'b:1,c:2' })
    assert.deepEqual(textsOf('self: &me a:1\netcd: { hosts: [*me] }'), { self: 'a:1', hosts: 'a:1' })
  })

  it('reads sections, with any YAML where the table wants it', () => {
    const { sections } = read(
      'groups:\n  scores:\n    maxBytes: 1\n    origin: { options: { a: [1, x] } }\n  2024: {}\n',
    )
    assert.deepEqual(
      sections.map(({ name, place }) => [name, place]),
      [
        ['scores', 'a.yaml line 2: groups.scores'],
        ['2024', 'a.yaml line 5: groups.2024'],
      ],
    )
    assert.equal(sections[0]?.settings.get('options')?.text, '{"a":[1,"x"]}')
    assert.deepEqual(sections[0]?.settings.get('maxBytes'), {
      text: '1',
      place: 'a.yaml line 3',
      key: 'groups.scores.maxBytes',
    })
  })

  for (const source of ['', '# nothing\n', '---\n']) {
    it(`finds nothing in ${JSON.stringify(source)}`, () => assert.equal(read(source).settings.size, 0))
  }

  for (const [source, message] of [
    ['self: a:1\nwrokers: 2\n', 'a.yaml line 2: wrokers: unknown key (did you mean workers?)'],
    ['\ngruops:\n  scores: {}\n', 'a.yaml line 2: gruops: unknown key (did you mean groups?)'],
    ['etcd:\n  host: [b:1]\n', 'a.yaml line 2: etcd.host: unknown key (did you mean hosts?)'],
    ['config: b.yaml', 'a.yaml line 1: config: unknown key'],
    [
      'groups:\n  s:\n    maxbytes: 1',
      'a.yaml line 3: groups.s.maxbytes: unknown key (did you mean maxBytes?)',
    ],
    ['etcd: b:1', 'a.yaml line 1: etcd: expected a mapping with hosts, leaseTtlSeconds'],
    ['self: [a:1]', 'a.yaml line 1: self: expected a single value'],
    ['etcd: { hosts: { a: 1 } }', 'a.yaml line 1: etcd.hosts: expected a list'],
    ['etcd: { hosts: [[a]] }', 'a.yaml line 1: etcd.hosts: expected a list of single values'],
    ['workers:\n', 'a.yaml line 1: workers: has no value'],
    ['groups: 5', 'a.yaml line 1: groups: expected a mapping of names'],
    ['groups:\n  s:\n', 'a.yaml line 2: groups.s: expected a mapping of options'],
    ['- a', 'a.yaml line 1: expected a mapping of options'],
    ['self: a:1\nself: b:1', 'a.yaml line 2: Map keys must be unique'],
    ['self: "a', 'a.yaml line 1: Missing closing "quote'],
    ['? [a]\n: 1', 'a.yaml line 1: a key must be a plain name'],
  ] as const) {
    it(`refuses ${JSON.stringify(source)}`, () =>
      assert.throws(() => read(source), { name: 'CacheError', code: 'INVALID_ARGUMENT', message }))
  }
})
