/**
 * Lets other people's clients loose on a node: `npm run conformance`, or only some: `-- redis`. One line for each: passed, or what differed.
 * Exits with 1 when one failed. What is missing is installed where that needs nobody's leave, else named.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Engine, GROUP, startBenchNode, writeValues } from './bench-node.js'
import type { Check, Served } from './conformance/check.js'
import { CONNECT_CHECK } from './conformance/connect.js'
import { GROUPCACHE_CHECK } from './conformance/groupcache.js'
import { runGrpcJs } from './conformance/grpc-js-client.js'
import { INTEROP_CHECK } from './conformance/interop.js'
import { PROGRAM_CHECKS } from './conformance/programs.js'
import { METRICS_CHECKS } from './conformance/promtool.js'
import { PROXY_CHECKS } from './conformance/proxies.js'
import { REDIS_CHECKS } from './conformance/redis-checks.js'
import { Pinning } from './pinning.js'
import { freePorts } from './server-process.js'
import { adviceFor, ensureTool } from './tool.js'

const VALUES = {
  Tom: '630',
  empty: '',
  text: 'Grüße',
  digits: '0123456789',
  'with:colon': 'yes',
  // What redis-benchmark asks for, in the group that it names.
  __rand_int__: 'xyz',
  'a page': 'x'.repeat(65_536),
  large: 'y'.repeat(1 << 20),
}
const TTL_GROUP = 'short'
const ORIGIN = { maxBytes: '64MiB', origin: { json: './values.json' } }
const MORE_GROUPS = { key: ORIGIN, [TTL_GROUP]: { ...ORIGIN, ttl: '100s' } }
const ENGINES: readonly Engine[] = ['native', 'grpc-js']

const CHECKS: readonly Check[] = [
  ...PROGRAM_CHECKS,
  { client: '@grpc/grpc-js', tools: [], run: (served) => runGrpcJs(served.address, served) },
  ...PROXY_CHECKS,
  ...METRICS_CHECKS,
  GROUPCACHE_CHECK,
  ...REDIS_CHECKS,
  INTEROP_CHECK,
  CONNECT_CHECK,
]

/** Answers whether all that could be run has passed. */
async function main(): Promise<boolean> {
  const engine = process.argv.slice(2).find(isEngine) ?? 'native'
  const checks = checksNamed(process.argv.slice(2).filter((word) => !isEngine(word)))
  const folder = mkdtempSync(join(tmpdir(), 'geek-cache-conformance-'))
  const files = writeValues(folder, VALUES, MORE_GROUPS)
  const ports = await freePorts(3)
  const [httpAddress, respAddress, tlsRespAddress] = ports.map((port) => `127.0.0.1:${port}`)
  const flags = (resp: string) => ['--self', '127.0.0.1:0', '--resp', resp]
  const start = (more: readonly string[]) => startBenchNode(engine, files, new Pinning(), more)
  const node = await start([...flags(respAddress!), '--http', httpAddress!])
  const tlsNode = await start([...flags(tlsRespAddress!), ...tlsFlags(folder)])
  try {
    const served = {
      address: node.address,
      httpAddress: httpAddress!,
      tlsAddress: tlsNode.address,
      respAddress: respAddress!,
      tlsRespAddress: tlsRespAddress!,
      group: GROUP,
      ttlGroup: TTL_GROUP,
      values: VALUES,
      valuesFile: files.valuesFile,
      folder,
    }
    process.stdout.write(`A node with the engine ${engine} at ${node.address}\n`)
    let hasPassed = true
    for (const check of checks) hasPassed = (await runCheck(check, served)) && hasPassed
    return hasPassed
  } finally {
    await Promise.all([node.stop(), tlsNode.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
}

function isEngine(word: string): word is Engine {
  return ENGINES.includes(word as Engine)
}

/** Those with one of the words in their names; all without any. */
function checksNamed(words: readonly string[]): readonly Check[] {
  const named = CHECKS.filter(({ client }) =>
    words.some((word) => client.toLowerCase().includes(word.toLowerCase())),
  )
  if (words.length > 0 && named.length === 0) {
    throw new Error(
      `no client is called ${words.join(', ')}: ${CHECKS.map(({ client }) => client).join('; ')}`,
    )
  }
  return words.length === 0 ? CHECKS : named
}

/** Flags of a node with a certificate of its own making. */
function tlsFlags(folder: string): string[] {
  const [cert, key] = [join(folder, 'node.pem'), join(folder, 'node.key')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const certificate = ['-subj', '/CN=localhost', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...curve, ...certificate], { stdio: 'ignore' })
  return ['--tls-cert', cert, '--tls-key', key]
}

async function runCheck({ client, tools, builds, run }: Check, served: Served): Promise<boolean> {
  const paths: string[] = []
  for (const tool of tools) {
    const path = ensureTool(tool, (line) => process.stderr.write(`${line}\n`))
    if (path === undefined) {
      print('not run', client, adviceFor(tool))
      return true
    }
    paths.push(path)
  }
  const built = builds?.() ?? []
  if (typeof built === 'object' && 'missing' in built) {
    print('not run', client, built.missing)
    return true
  }
  paths.push(...[built].flat())
  try {
    print('passed', client, await run(served, paths))
    return true
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    print('FAILED', client, reason.replace(/\s*\n\s*/g, ' '))
    return false
  }
}

function print(verdict: string, client: string, detail: string): void {
  process.stdout.write(`${verdict.padEnd(7)}  ${client.padEnd(34)}  ${detail}\n`)
}

// An exit, unlike a signal, ends what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (thrown) {
  process.stderr.write(`conformance: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
  process.exitCode = 1
}
