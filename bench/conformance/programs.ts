import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getRequest } from '../load/get-request.js'
import { CURL, GHZ, GRPCURL, H2SPEC, NGHTTP, PYTHON_GRPC } from '../tool.js'
import { type Check, expect, expectParts, type Served, sourceText } from './check.js'
import { run } from './run.js'

const KEY = 'Tom'
const GRPC_HEADERS = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']

/** Programs of others that speak HTTP/2 or gRPC. */
export const PROGRAM_CHECKS: readonly Check[] = [
  {
    client: 'h2spec --strict',
    tools: [H2SPEC],
    run: ({ address }, [h2spec]) => runH2spec(h2spec!, address),
  },
  {
    client: 'h2spec --strict, over TLS',
    tools: [H2SPEC],
    run: ({ tlsAddress }, [h2spec]) => runH2spec(h2spec!, tlsAddress, '--tls', '--insecure'),
  },
  { client: 'grpcurl, by reflection', tools: [GRPCURL], run: runGrpcurl },
  { client: 'ghz', tools: [GHZ], run: runGhz },
  { client: 'Python grpcio', tools: [PYTHON_GRPC], run: runGrpcio },
  { client: 'curl --http2-prior-knowledge', tools: [CURL], run: runCurl },
  { client: 'nghttp', tools: [NGHTTP], run: runNghttp },
]

async function runH2spec(h2spec: string, address: string, ...more: string[]): Promise<string> {
  const [host, port] = address.split(':')
  const { code, stdout } = await run(h2spec, ['-h', host!, '-p', port!, '--strict', '-o', '2', ...more])
  const counts = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(stdout)
  if (counts === null) throw new Error(`it wrote ${JSON.stringify(stdout.slice(-200))}`)
  if (code !== 0 || counts[4] !== '0') {
    // Failed cases are marked ×, and all listed once more at the end.
    const failed = new Set([...stdout.matchAll(/^\s*× (.+)$/gm)].map(([, name]) => name!.trim()))
    throw new Error(`${counts[0]}: ${[...failed].join('; ')}`)
  }
  return counts[0]
}

async function runGrpcurl(served: Served, [grpcurl]: readonly string[]): Promise<string> {
  const { address, group, values } = served
  const call = async (args: readonly string[]) => run(grpcurl!, ['-plaintext', ...args])
  const list = await call([address, 'list'])
  expectParts('the list of services', list.stdout, ['pb.GroupCache', 'grpc.health.v1.Health'])
  const described = await call([address, 'describe', 'pb.GroupCache'])
  expectParts('the description', described.stdout, [
    'rpc Get ( .pb.Request ) returns ( .pb.ResponseForGet );',
  ])
  const data = (key: string) => ['-d', JSON.stringify({ group, key }), address]
  const got = await call([...data(KEY), 'pb.GroupCache/Get'])
  expect('the value', got.stdout.trim() && JSON.parse(got.stdout), { value: btoa(values[KEY]!) })
  const deleted = await call([...data(KEY), 'pb.GroupCache/Delete'])
  expect('the answer to Delete', deleted.stdout.trim() && JSON.parse(deleted.stdout), { value: true })
  const missing = await call([...data('nobody'), 'pb.GroupCache/Get'])
  expectParts('the answer for an unknown key', missing.stderr, ['NotFound'])
  return 'list, describe, Get, Delete, NotFound'
}

async function runGhz({ address, group }: Served, [ghz]: readonly string[]): Promise<string> {
  const call = ['--call', 'pb.GroupCache.Get', '-d', JSON.stringify({ group, key: KEY })]
  const { stdout, stderr } = await run(ghz!, ['--insecure', ...call, '-n', '5000', '-O', 'json', address])
  if (stdout === '') throw new Error(stderr.trim())
  expect('the distribution of status codes', JSON.parse(stdout).statusCodeDistribution, { OK: 5000 })
  return '5,000 calls with deadlines, by reflection'
}

async function runGrpcio(
  { address, group, valuesFile, folder }: Served,
  [python]: readonly string[],
): Promise<string> {
  const script = join(folder, 'grpcio_client.py')
  writeFileSync(script, sourceText('grpcio_client.py'))
  const { code, stdout, stderr } = await run(python!, [script, address, group, valuesFile])
  if (code !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? `exited with ${code}`)
  return stdout.trim()
}

async function runCurl(
  { address, group, values, folder }: Served,
  [curl]: readonly string[],
): Promise<string> {
  const body = join(folder, 'curl.body')
  writeFileSync(body, getRequest(group, KEY))
  const url = `http://${address}/pb.GroupCache/Get`
  const how = ['-sS', '--http2-prior-knowledge', '-D', '-', '--max-time', '10']
  const { stdout } = await run(curl!, [...how, ...GRPC_HEADERS, '--data-binary', `@${body}`, url])
  expectParts('the answer', stdout, ['HTTP/2 200', 'application/grpc', values[KEY]!, 'grpc-status: 0'])
  const plain = await run(curl!, [...how, '-d', 'name=value', url])
  expectParts('the answer to a request that is not gRPC', plain.stdout, ['HTTP/2 415'])
  return 'Get with trailers, 415 for what is not gRPC'
}

async function runNghttp({ address, group, folder }: Served, [nghttp]: readonly string[]): Promise<string> {
  const body = join(folder, 'nghttp.body')
  writeFileSync(body, getRequest(group, KEY))
  const url = `http://${address}/pb.GroupCache/Get`
  const { stdout } = await run(nghttp!, ['-v', '-t', '10', ...GRPC_HEADERS, '-d', body, url])
  // Colours may stand between name and value.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with the escape character
  const text = stdout.replace(/\x1b\[[\d;]*m/g, '')
  expectParts('the answer', text, [':status: 200', 'grpc-status: 0', 'GOAWAY'])
  return 'Get with trailers'
}
