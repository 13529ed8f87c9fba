import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requestOf } from '../../test/support/resp-client.js'
import { GO, PYTHON_REDIS, REDIS, REDIS_BENCHMARK, REDIS_CLI } from '../tool.js'
import { type Check, expect, expectParts, type Served, sourceText } from './check.js'
import { runIoredis } from './ioredis-client.js'
import { runNodeRedis } from './node-redis-client.js'
import { compareTranscripts } from './redis-transcripts.js'
import { type Ran, run } from './run.js'

const GO_SOURCES = fileURLToPath(new URL('../../../bench/conformance/redis-go', import.meta.url))

/** Keys that one run of `redis-cli --pipe` asks for. */
const PIPED = 10_000
/** Requests of one run of redis-benchmark. It ends when they are answered, and never where a number is left out. */
const BENCHMARK_REQUESTS = 20_000

/** Clients of Redis. */
export const REDIS_CHECKS: readonly Check[] = [
  { client: 'redis-cli', tools: [REDIS_CLI], run: runCli },
  { client: 'redis-benchmark', tools: [REDIS_BENCHMARK], run: runBenchmark },
  { client: "Python's redis", tools: [PYTHON_REDIS], run: runPython },
  { client: 'go-redis and rueidis', tools: [GO], run: runGo },
  { client: 'ioredis', tools: [], run: runIoredis },
  { client: 'node-redis', tools: [], run: runNodeRedis },
  {
    client: 'transcripts, with redis-server',
    tools: [REDIS],
    run: ({ folder }, [path]) => compareTranscripts(path!, folder),
  },
]

async function runCli(served: Served, [cli]: readonly string[]): Promise<string> {
  const { respAddress, tlsRespAddress, group, values } = served
  for (const how of [
    at(respAddress),
    [...at(respAddress), '-3'],
    [...at(tlsRespAddress), '--tls', '--insecure'],
  ]) {
    const ask = async (...args: string[]) => (await run(cli!, [...how, ...args])).stdout.replace(/\n$/, '')
    for (const [key, value] of Object.entries(values)) expect(key, await ask('get', `${group}:${key}`), value)
    expect('MGET', await ask('mget', `${group}:Tom`, `${group}:nobody`), `${values.Tom}\n`)
    expect('null', await ask('--no-raw', 'get', `${group}:nobody`), '(nil)')
    expect('a number', await ask('--no-raw', 'strlen', `${group}:Tom`), '(integer) 3')
    expectParts('a write', await ask('set', `${group}:Tom`, '1'), ['READONLY'])
    expectParts('INFO', await ask('info', 'server'), ['geek_cache_version:'])
    expectParts('COMMAND DOCS', await ask('command', 'docs', 'get'), ['summary'])
  }
  const piped = Buffer.concat(
    Array.from({ length: PIPED }, (_, i) => requestOf('GET', `${group}:${i % 2 === 0 ? 'Tom' : i}`)),
  )
  const { stdout } = await run(cli!, [...at(respAddress), '--pipe'], piped)
  expectParts('--pipe', stdout, [`errors: 0, replies: ${PIPED}`])
  return 'RESP2, RESP3 and TLS; values of all sizes, nulls, errors, documentation, --pipe'
}

async function runBenchmark(
  { respAddress, tlsRespAddress, group }: Served,
  [benchmark]: readonly string[],
): Promise<string> {
  const load = ['-q', '-n', String(BENCHMARK_REQUESTS), '-c', '50']
  for (const [what, how] of [
    ['GET', ['-t', 'get', '-P', '16']],
    ['GET', ['-t', 'get', '-r', '1000']],
    ['PING_INLINE', ['-t', 'ping']],
    ['MGET', ['-P', '8', 'MGET', `${group}:Tom`, `${group}:nobody`]],
    ['GET', ['-3', '-t', 'get']],
  ] as const) {
    const { code, stdout, stderr } = await run(benchmark!, [...at(respAddress), ...load, ...how])
    // It exits with 1 at the first error reply.
    if (code !== 0) throw new Error(`${how.join(' ')}: ${stderr.trim()}`)
    expectParts(how.join(' '), stdout, [what, 'requests per second'])
  }
  const overTls = await run(benchmark!, [...at(tlsRespAddress), '--tls', '--insecure', ...load, '-t', 'get'])
  expectParts('GET over TLS', overTls.stdout, ['GET: ', 'requests per second'])
  return `GET of one key and of many, MGET, PING, by 50 connections, pipelined, over RESP3 and TLS`
}

async function runPython(
  { respAddress, tlsRespAddress, group, ttlGroup, valuesFile, folder }: Served,
  [python]: readonly string[],
): Promise<string> {
  const script = join(folder, 'redis_client.py')
  writeFileSync(script, sourceText('redis_client.py'))
  return lastWord(await run(python!, [script, respAddress, tlsRespAddress, group, ttlGroup, valuesFile]))
}

/** Builds them first, which takes a minute the first time. */
async function runGo(
  { respAddress, tlsRespAddress, group, ttlGroup, valuesFile, folder }: Served,
  [go]: readonly string[],
): Promise<string> {
  const program = join(folder, 'redis-go')
  const built = await run(go!, ['build', '-C', GO_SOURCES, '-o', program, '.'])
  if (built.code !== 0) throw new Error(built.stderr.trim())
  return lastWord(await run(program, [respAddress, tlsRespAddress, group, ttlGroup, valuesFile]))
}

/** What a program says at its end: what it has seen to work; or rejects with why it gave up. */
function lastWord({ code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? `exited with ${code}`)
  return stdout.trim()
}

function at(address: string): string[] {
  const [host, port] = address.split(':')
  return ['-h', host!, '-p', port!]
}
