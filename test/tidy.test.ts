import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  cycleFaults,
  deadFileFaults,
  directionFaults,
  type Layer,
  policyFaults,
} from './tidy/import-rules.js'
import { readFacts, type SourceFacts } from './tidy/source-facts.js'
import {
  fileSizeFaults,
  functionSizeFaults,
  moduleStateFaults,
  nameFaults,
  packageFaults,
  useFaults,
  wordFaults,
} from './tidy/text-rules.js'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

/** What users and threads start with; everything else must be reached from here. */
const ENTRIES = [
  'src/main/index.ts',
  'src/main/cli/main.ts',
  'src/worker/entry.ts',
  'src/attach/index.ts',
  'src/client/index.ts',
  'src/dashboard/main.ts',
]

/** The only files that may touch shared memory without a message: each is one small protocol between threads. */
const ATOMICS_FILES = [
  'src/main/http-thread/end-flag.ts',
  'src/shared/copy-fence.ts',
  'src/shared/store/access-log.ts',
  'src/shared/store/epoch.ts',
  'src/shared/store/store-reader.ts',
  'src/worker/bucket-chains.ts',
  'src/worker/store-index.ts',
  'src/worker/store-writer.ts',
]

/** They wait for what tells nobody when it is ready, and ask again and again; or for time that has to pass, as a lease. */
const POLLING_FILES = [
  'test/support/etcd.ts',
  'test/support/until.ts',
  'test/support/peer-suite.ts',
  'test/page/watched-nodes.ts',
]

const BELOW_CORE = ['shared', 'pure']
const BELOW_FRONTS = [...BELOW_CORE, 'metrics', 'core']

/**
 * Who may import whom. The core declares what it needs, so it imports neither network nor threads; fronts never see
 * storage or each other; composition sees everything but the code of the worker threads, which it names by URL.
 */
const LAYERS: readonly Layer[] = [
  { name: 'shared', paths: ['src/shared/'], mayImport: [] },
  { name: 'worker', paths: ['src/worker/'], mayImport: ['shared'] },
  {
    name: 'pure',
    paths: [
      'src/main/call.ts',
      'src/main/peer.ts',
      'src/main/node-options.ts',
      'src/main/front.ts',
      'src/main/group-spans.ts',
      'src/main/grpc-server.ts',
      'src/main/hot-group.ts',
      'src/main/invalidations.ts',
      'src/main/listen-error.ts',
      'src/main/invalidation-poll.ts',
      'src/main/watchers.ts',
      'src/main/node-view.ts',
      'src/main/package-version.ts',
      'src/main/served-group.ts',
      'src/main/unary-caller.ts',
      'src/main/log.ts',
      'src/main/tls-options.ts',
      'src/main/option/',
      'src/main/sockets/',
      'src/main/cluster/address.ts',
    ],
    mayImport: ['shared'],
  },
  { name: 'attach', paths: ['src/attach/'], mayImport: BELOW_CORE },
  { name: 'http2', paths: ['src/main/grpc/http2/'], mayImport: BELOW_CORE },
  { name: 'grpc', paths: ['src/main/grpc/'], mayImport: [...BELOW_CORE, 'http2'] },
  { name: 'metrics', paths: ['src/main/metrics/'], mayImport: BELOW_CORE },
  { name: 'cluster', paths: ['src/main/cluster/'], mayImport: BELOW_CORE },
  { name: 'workers', paths: ['src/main/workers/'], mayImport: [...BELOW_CORE, 'metrics'] },
  { name: 'invalidation', paths: ['src/main/invalidation/'], mayImport: BELOW_CORE },
  { name: 'threads', paths: ['src/main/threads/'], mayImport: BELOW_CORE },
  {
    name: 'core',
    paths: [
      'src/main/ask-peer.ts',
      'src/main/group.ts',
      'src/main/group-operations.ts',
      'src/main/groups.ts',
      'src/main/group-settings.ts',
      'src/main/warn-of-policy.ts',
      'src/main/hot-copies.ts',
      'src/main/local-group.ts',
      'src/main/peer-batch.ts',
      'src/main/peer-route.ts',
      'src/main/snapshot-files.ts',
      'src/main/snapshots.ts',
    ],
    mayImport: BELOW_CORE,
  },
  { name: 'message', paths: ['src/main/service/message.ts'], mayImport: BELOW_CORE },
  { name: 'service', paths: ['src/main/service/'], mayImport: [...BELOW_FRONTS, 'grpc', 'message'] },
  // The WebSocket protocol, at both ends: it runs in browsers, too.
  { name: 'live', paths: ['src/live/'], mayImport: BELOW_CORE },
  { name: 'http', paths: ['src/main/http/'], mayImport: [...BELOW_FRONTS, 'message', 'live'] },
  { name: 'resp', paths: ['src/main/resp/'], mayImport: BELOW_FRONTS },
  { name: 'client', paths: ['src/client/'], mayImport: [...BELOW_CORE, 'live'] },
  // The page: it runs in browsers alone.
  { name: 'dashboard', paths: ['src/dashboard/'], mayImport: [...BELOW_CORE, 'live', 'client'] },
  { name: 'tls', paths: ['src/main/tls-files.ts'], mayImport: BELOW_CORE },
  {
    name: 'grpc-thread',
    paths: ['src/main/grpc-thread/'],
    mayImport: [...BELOW_CORE, 'attach', 'grpc', 'service', 'tls'],
  },
  {
    name: 'http-thread',
    paths: ['src/main/http-thread/'],
    mayImport: [...BELOW_CORE, 'attach', 'http', 'tls'],
  },
  {
    name: 'composition',
    paths: [
      'src/main/index.ts',
      'src/main/node.ts',
      'src/main/node-invalidations.ts',
      'src/main/check-node-options.ts',
      'src/main/warn-of-policy.ts',
      'src/main/grpc-front.ts',
      'src/main/http-front.ts',
      'src/main/admin-front.ts',
      'src/main/node-gauges.ts',
      'src/main/fronts.ts',
      'src/main/config.ts',
      'src/main/group-config.ts',
      'src/main/cli/',
    ],
    mayImport: [
      ...BELOW_FRONTS,
      'grpc',
      'cluster',
      'invalidation',
      'workers',
      'threads',
      'service',
      'grpc-thread',
      'tls',
      'http',
      'http-thread',
      'resp',
      'client',
      'live',
    ],
  },
]

/** The rules themselves have to name what they forbid. */
const RULES = /^test\/tidy/

const files = readRepository(['src', 'bench', 'test'])
const sources = files.filter(({ path }) => path.startsWith('src/'))
const tests = files.filter(({ path }) => path.startsWith('test/') && !RULES.test(path))
const ruled = files.filter(({ path }) => !RULES.test(path))

describe('The tree', () => {
  holds('imports only in the directions of the table', directionFaults(sources, LAYERS))
  holds('has no cycle of imports', cycleFaults(files))
  holds('has no file that nothing leads to', deadFileFaults(sources, ENTRIES))
  holds(
    'has policies that know nothing of each other',
    policyFaults(sources, 'src/worker/policy/policies.ts', 'src/worker/policy/policy.ts'),
  )
})

describe('Files', () => {
  holds('are named for what they hold', nameFaults(files))
  holds('are short', fileSizeFaults(sources, FILE_LINES_MAX))
  holds('have short functions', functionSizeFaults(sources, FUNCTION_LINES_MAX))
  holds('have no state of their own', moduleStateFaults(sources))
})

describe('Code', () => {
  holds(
    'leaves nothing open',
    wordFaults(ruled, [
      [/\b(TODO|FIXME|XXX)\b/, 'do it now, or write down as a limit what the code does today'],
      [/@ts-(ignore|nocheck)/, 'give the compiler the type that it misses'],
    ]),
  )
  holds(
    'assigns functions to properties by their names',
    wordFaults(sources, [
      [
        /[\w\])]\.#?\w+ (\?\?|\|\|)?= (async )?(\([^()]*\)(: [^=]+)? =>|function\b|\w+ =>)/,
        'make it a const first: V8 puts a function literal that is assigned to a property into the old generation, where it keeps what it closes over from young collections',
      ],
    ]),
  )
  holds(
    'has no casts to any',
    useFaults(files, 'as any', [], 'cast to the type that is meant, or to unknown'),
  )
  holds('exports names', useFaults(sources, 'export default', [], 'export it by its name'))
  holds(
    'prints only in commands',
    useFaults(sources, 'console', [], 'use the log, or the terminal that a command is given'),
  )
  holds(
    'touches shared memory in a few files only',
    useFaults(
      sources,
      'Atomics',
      ATOMICS_FILES,
      'use the store and the counters; who needs a new protocol between threads adds its file to the list',
    ),
  )
})

describe('Tests', () => {
  holds('are all run', useFaults(tests, /\.(skip|only|todo)$/, [], 'run it, or delete it'))
  const instead = 'wait for the event itself, or inject a clock and step it'
  holds('never sleep', [
    ...useFaults(tests, 'sleep', POLLING_FILES, instead),
    ...packageFaults(tests, 'node:timers/promises', POLLING_FILES, instead),
  ])
})

function holds(rule: string, faults: readonly string[]): void {
  it(rule, () => assert.equal(faults.length, 0, `\n  ${faults.join('\n  ')}\n`))
}

function readRepository(folders: readonly string[]): SourceFacts[] {
  // Two up from dist/test, where the compiled test lies.
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const paths = folders.flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      // Declarations are of code that others wrote.
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .map((path) => `${folder}/${path}`),
  )
  return readFacts(new Map(paths.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')])))
}
