import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseFlags } from '../../../src/main/option/flags.js'
import {
  type OptionTable,
  readEnvironment,
  resolveOptions,
  type Settings,
} from '../../../src/main/option/option.js'
import {
  address,
  duration,
  integer,
  list,
  oneOf,
  text,
  toggle,
} from '../../../src/main/option/option-type.js'

const TABLE = {
  self: { flag: 'self', path: 'self', type: address({ anyPort: true }), default: '127.0.0.1:8001', help: '' },
  peers: { flag: 'peers', path: 'peers', type: list(address()), help: '' },
  workers: { flag: 'workers', path: 'workers', type: integer(1, 64), default: 2, help: '' },
  stall: { flag: 'worker-stall', type: duration(1, 60_000), default: 5000, help: '' },
  color: { flag: 'color', type: oneOf('COLOR', ['red', 'green']), default: 'red', help: '' },
  name: { path: 'name', type: text('NAME'), required: true, help: '' },
  verbose: { flag: 'verbose', short: 'v', type: toggle(), default: false, help: '' },
} as const satisfies OptionTable

function settings(values: Record<string, string>, place = 'test'): Settings {
  return new Map(Object.entries(values).map(([name, written]) => [name, { text: written, place }]))
}

const NAMED = settings({ name: 'n' })

function refusal(message: string | RegExp) {
  return { name: 'CacheError', code: 'INVALID_ARGUMENT', message }
}

describe('resolveOptions', () => {
  it('has defaults, leaves out what has none, and is frozen', () => {
    const { values, origins } = resolveOptions(TABLE, [NAMED])
    assert.deepEqual(
      { ...values },
      {
        self: '127.0.0.1:8001',
        peers: undefined,
        workers: 2,
        stall: 5000,
        color: 'red',
        name: 'n',
        verbose: false,
      },
    )
    assert.deepEqual([...origins.keys()], ['name'])
    assert.ok(Object.isFrozen(values))
  })

  it('lets later layers win and tells where each value comes from', () => {
    const layers = [
      NAMED,
      settings({ workers: '3', color: 'green' }, 'file'),
      settings({ workers: '4' }, '--workers'),
    ]
    const { values, origins } = resolveOptions(TABLE, layers)
    assert.equal(values.workers, 4)
    assert.equal(values.color, 'green')
    assert.equal(origins.get('workers')?.place, '--workers')
    assert.equal(origins.get('color')?.place, 'file')
  })

  it('refuses a wrong value even where a later layer hides it', () => {
    const layers = [NAMED, settings({ workers: 'many' }, 'GEEK_CACHE_WORKERS'), settings({ workers: '4' })]
    const message = 'GEEK_CACHE_WORKERS "many": expected a whole number from 1 to 64'
    assert.throws(() => resolveOptions(TABLE, layers), refusal(message))
  })

  for (const [name, written, expected] of [
    ['workers', '0', 'expected a whole number from 1 to 64'],
    ['workers', '2.5', 'expected a whole number from 1 to 64'],
    ['workers', '', 'expected a whole number from 1 to 64'],
    ['stall', '5', 'expected a time such as 500ms, 30s, 5m or 1h, from 1ms to 1m'],
    ['stall', '2m', 'expected a time such as 500ms, 30s, 5m or 1h, from 1ms to 1m'],
    ['color', 'blue', 'expected one of red, green'],
    ['peers', '10.0.0.1:0', 'expected a list with commas, each HOST:PORT'],
    ['name', '', 'expected a text that is not empty'],
  ] as const) {
    it(`refuses ${name} ${JSON.stringify(written)}`, () => {
      const layers = [NAMED, settings({ [name]: written }, 'here')]
      assert.throws(
        () => resolveOptions(TABLE, layers),
        (error: Error) => {
          assert.ok(error.message.startsWith(`here ${JSON.stringify(written)}: ${expected}`), error.message)
          return true
        },
      )
    })
  }

  it('says what is wrong with an address', () => {
    const layers = [NAMED, settings({ self: 'localhost' }, '--self')]
    assert.throws(() => resolveOptions(TABLE, layers), refusal(/^--self: Address "localhost" has no port/))
  })

  it('names a required option that is missing', () => {
    assert.throws(
      () => resolveOptions(TABLE, [], 'a.yaml line 3: groups.scores.'),
      refusal(/^a\.yaml line 3: groups\.scores\.name is missing: expected/),
    )
  })

  it('takes lists apart at commas', () => {
    const { values } = resolveOptions(TABLE, [NAMED, settings({ peers: 'a:1, [::1]:2' })])
    assert.deepEqual(values.peers, ['a:1', '[::1]:2'])
  })
})

describe('readEnvironment', () => {
  it('reads the variables of flags, and not those that are empty, of switches or of others', () => {
    const read = readEnvironment(TABLE, {
      GEEK_CACHE_WORKER_STALL: '7s',
      GEEK_CACHE_SELF: '',
      GEEK_CACHE_VERBOSE: 'true',
      GEEK_CACHE_NAME: 'x',
      WORKERS: '9',
    })
    assert.deepEqual([...read], [['stall', { text: '7s', place: 'GEEK_CACHE_WORKER_STALL' }]])
  })
})

describe('parseFlags', () => {
  it('takes flags, switches and positionals in any order', () => {
    const { settings: read, positionals } = parseFlags(TABLE, [
      'scores',
      '--workers=3',
      '-v',
      '--self',
      'a:1',
      'Tom',
    ])
    assert.deepEqual(Object.fromEntries([...read].map(([name, setting]) => [name, setting.text])), {
      workers: '3',
      verbose: 'true',
      self: 'a:1',
    })
    assert.deepEqual(positionals, ['scores', 'Tom'])
  })

  it('ends the flags at --', () =>
    assert.deepEqual(parseFlags(TABLE, ['--', '--workers']).positionals, ['--workers']))

  it('takes a value with a dash', () => {
    assert.equal(parseFlags(TABLE, ['--workers', '-1']).settings.get('workers')?.text, '-1')
  })

  for (const [argv, message] of [
    [['--wrokers', '3'], 'Unknown flag --wrokers (did you mean --workers?)'],
    [['-x'], 'Unknown flag -x'],
    [['--name', 'x'], 'Unknown flag --name'],
    [['--workers', '3', '--workers', '4'], '--workers is given twice'],
    [['--workers'], '--workers lacks its value'],
    [['--self', '--verbose'], '--self lacks its value'],
    [['--verbose=1'], '--verbose takes no value'],
  ] as const) {
    it(`refuses ${argv.join(' ')}`, () => assert.throws(() => parseFlags(TABLE, argv), refusal(message)))
  }
})
