import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfig, NODE_OPTIONS, nodeOptionsOf } from '../../src/main/config.js'
import { groupOptionsOf } from '../../src/main/group-config.js'
import { GROUP_DEFAULTS } from '../../src/main/group-settings.js'
import type { GetterModule } from '../../src/main/node-options.js'
import { parseFlags } from '../../src/main/option/flags.js'
import { DEFAULT_POLICY } from '../../src/shared/policy-names.js'
import { tempFolder } from '../support/temp-folder.js'

const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url))

function load(argv: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  return loadConfig(parseFlags(NODE_OPTIONS, argv).settings, environment)
}

function refusal(message: string | RegExp) {
  return { name: 'CacheError', code: 'INVALID_ARGUMENT', message }
}

describe('loadConfig', () => {
  const folder = tempFolder()
  writeFileSync(join(folder, 'scores.json'), '{}')
  const write = (text: string) => {
    const file = join(folder, 'node.yaml')
    writeFileSync(file, text)
    return file
  }

  it('is a single node without a group by default', () => {
    const config = load()
    const { workers, ...options } = nodeOptionsOf(config)
    assert.ok(workers !== undefined && workers >= 1)
    assert.deepEqual(options, {
      self: '127.0.0.1:8001',
      service: 'geek-cache',
      grpcEngine: 'native',
      grpcThreads: 1,
      replicas: 150,
      keyBytesMax: 65_536,
      valueBytesMax: 67_108_864,
      workerStallMs: 5000,
      drainMs: 5000,
    })
    assert.deepEqual(config.groups, [])
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.values))
  })

  it('takes a directory for snapshots from file and flags', () => {
    const file = write('snapshot: { dir: /var/cache/a, timeout: 30s }\n')
    const options = (argv: readonly string[]) => nodeOptionsOf(load(['--config', file, ...argv]))
    const { snapshotDir, snapshotTimeoutMs } = options([])
    assert.deepEqual([snapshotDir, snapshotTimeoutMs], ['/var/cache/a', 30_000])
    assert.equal(options(['--snapshot', '/var/cache/b']).snapshotDir, '/var/cache/b')
    assert.ok(!('snapshotDir' in nodeOptionsOf(load())))
  })

  it('takes defaults, file, environment and flags, the later ones winning', () => {
    const file = write('self: a:1\nservice: from-file\nworkers: 2\nreplicas: 7\n')
    const environment = { GEEK_CACHE_CONFIG: file, GEEK_CACHE_SERVICE: 'from-env', GEEK_CACHE_WORKERS: '3' }
    const { values, origins } = load(['--workers', '4'], environment)
    assert.deepEqual(
      [values.self, values.service, values.workers, values.replicas, values.drain],
      ['a:1', 'from-env', 4, 7, 5000],
    )
    assert.deepEqual(
      ['self', 'service', 'workers', 'drain'].map((name) => origins.get(name)?.place),
      [`${file} line 1`, 'GEEK_CACHE_SERVICE', '--workers', undefined],
    )
  })

  it('reads what is said of groups, with paths relative to the file', () => {
    const file = write(
      'groups:\n  scores:\n    maxBytes: 1MiB\n    ttl: 5m\n    notFoundTtl: 1s\n    origin: { json: ./scores.json }\n',
    )
    const [group, ...others] = load(['--config', file]).groups
    assert.equal(group?.name, 'scores')
    assert.equal(others.length, 0)
    const { getter, ...options } = groupOptionsOf(group)
    assert.deepEqual(options, {
      maxBytes: 2 ** 20,
      policy: DEFAULT_POLICY,
      ttlMs: 300_000,
      notFoundTtlMs: 1000,
      ttlJitter: 0,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      refreshAhead: 0,
      loadTimeoutMs: 30_000,
      errorBackoffMs: 0,
      loadQueueMax: 10_000,
      batchSizeMax: 256,
      hotCopiesShare: 1 / 8,
      hotCopiesTtlMs: 10_000,
    })
    // What a file leaves out is what a program leaves out.
    for (const [name, value] of Object.entries(GROUP_DEFAULTS)) {
      if (name in options && name !== 'ttlMs' && name !== 'notFoundTtlMs')
        assert.equal(options[name as keyof typeof options], value, name)
    }
    const { module, options: origin } = getter as GetterModule
    assert.ok(existsSync(fileURLToPath(module)), 'the module of the origin is there')
    assert.deepEqual(origin, { path: join(folder, 'scores.json') })
  })

  it('reads all that a group may say of freshness and of its source', () => {
    const [group] = load([
      '--config',
      write(
        `groups:
  scores:
    maxBytes: 1MiB
    ttl: 5m
    ttlJitter: 0.1
    notFoundTtl: 10s
    staleWhileRevalidate: 30s
    staleIfError: 1h
    refreshAhead: 0.2
    softTimeout: 200ms
    loadTimeout: 5s
    errorBackoff: 500ms
    loadConcurrencyMax: 16
    loadQueueMax: 0
    batchSizeMax: 100
    hotCopiesShare: 0.05
    hotCopiesTtl: 2s
    origin: { json: ./scores.json }
`,
      ),
    ]).groups
    const { getter: _, ...options } = groupOptionsOf(group!)
    assert.deepEqual(options, {
      maxBytes: 2 ** 20,
      policy: DEFAULT_POLICY,
      ttlMs: 300_000,
      ttlJitter: 0.1,
      notFoundTtlMs: 10_000,
      staleWhileRevalidateMs: 30_000,
      staleIfErrorMs: 3_600_000,
      refreshAhead: 0.2,
      softTimeoutMs: 200,
      loadTimeoutMs: 5000,
      errorBackoffMs: 500,
      loadConcurrencyMax: 16,
      loadQueueMax: 0,
      batchSizeMax: 100,
      hotCopiesShare: 0.05,
      hotCopiesTtlMs: 2000,
    })
  })

  it('hands a module its options, and leaves the names of packages alone', () => {
    const head = 'groups:\n  s:\n    maxBytes: 1MiB\n    origin: '
    const getterOf = (origin: string) => {
      const [group] = load(['--config', write(head + origin)]).groups
      assert.ok(group !== undefined)
      return groupOptionsOf(group).getter
    }
    assert.deepEqual(getterOf(`{ module: ${EXAMPLES}/getter.js, options: { source: x } }`), {
      module: join(EXAMPLES, 'getter.js'),
      options: { source: 'x' },
    })
    assert.deepEqual(getterOf('{ module: "@acme/getter" }'), { module: '@acme/getter' })
  })

  it('takes either etcd or peers', () => {
    const etcd = nodeOptionsOf(
      load(['--etcd', '127.0.0.1:2379,127.0.0.1:2380', '--etcd-lease-ttl-seconds', '5']),
    )
    assert.deepEqual(etcd.etcd, { hosts: ['127.0.0.1:2379', '127.0.0.1:2380'], leaseTtlSeconds: 5 })
    assert.deepEqual(nodeOptionsOf(load(['--peers', 'a:1,b:2'])).peers, ['a:1', 'b:2'])
    const file = write('etcd:\n  hosts: [a:1]\n')
    const message = `${file} line 2: etcd.hosts and --peers exclude each other: leave one out`
    assert.throws(() => load(['--config', file, '--peers', 'a:1']), refusal(message))
  })

  it('accepts the examples', () => {
    for (const name of ['scores.yaml', 'cluster.yaml']) {
      assert.equal(load(['--config', join(EXAMPLES, name)]).groups[0]?.name, 'scores')
    }
  })

  it('names a configuration file that is not there', () => {
    const message = 'Cannot read the configuration file /nowhere.yaml: no such file'
    assert.throws(() => load(['--config', '/nowhere.yaml']), refusal(message))
  })

  for (const [body, message] of [
    ['origin: { json: ./scores.json }', /line 2: groups\.s\.maxBytes is missing: expected a size/],
    [
      'maxBytes: 64MB\n    origin: { json: ./scores.json }',
      /line 3: groups\.s\.maxBytes "64MB": expected a size/,
    ],
    [
      'maxBytes: 1MiB\n    ttlJitter: 1.5\n    origin: { json: ./scores.json }',
      /line 4: groups\.s\.ttlJitter "?1\.5"?: expected a share from 0 to 1/,
    ],
    ['maxBytes: 1MiB', /line 2: groups\.s\.origin: expected either json: FILE or module: FILE/],
    [
      'maxBytes: 1MiB\n    origin: { json: ./scores.json, module: ./g.js }',
      /expected either json: FILE or module: FILE/,
    ],
    [
      'maxBytes: 1MiB\n    origin: { json: ./gone.json }',
      /line 4: groups\.s\.origin\.json: there is no file \/.*gone\.json/,
    ],
    [
      'maxBytes: 1MiB\n    origin: { module: gone.js }',
      /line 4: groups\.s\.origin\.module: there is no file/,
    ],
    [
      'maxBytes: 1MiB\n    origin: { json: ./scores.json, options: 1 }',
      /only an origin with a module takes options/,
    ],
    [
      'maxBytes: 1MiB\n    policy: mru\n    origin: { json: ./scores.json }',
      /line 4: groups\.s\.policy "mru": expected one of fifo, lru/,
    ],
  ] as const) {
    it(`refuses the group ${JSON.stringify(body)}`, () => {
      assert.throws(() => load(['--config', write(`groups:\n  s:\n    ${body}\n`)]), refusal(message))
    })
  }
})
