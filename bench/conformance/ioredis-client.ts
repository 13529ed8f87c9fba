import { Redis } from 'ioredis'
import { expect, expectParts, type Served } from './check.js'

const PIPELINED = 2000

/** What ioredis' own tests ask of reads, in both versions of the protocol and over TLS. */
export async function runIoredis(served: Served): Promise<string> {
  const plain = where(served.respAddress)
  const secure = { ...where(served.tlsRespAddress), tls: { rejectUnauthorized: false } }
  for (const options of [{ ...plain, protocol: 2 as const }, { ...plain, protocol: 3 as const }, secure]) {
    const client = new Redis(options)
    await read(client, served).finally(() => client.disconnect())
  }
  const client = new Redis({ ...plain, protocol: 3, replyMapping: 'resp3' })
  await readMaps(client).finally(() => client.disconnect())
  return 'RESP2, RESP3 and TLS; values, buffers, nulls, times to live, pipelines, CLIENT, COMMAND, errors'
}

function where(address: string) {
  const [host, port] = address.split(':')
  return { host: host!, port: Number(port), retryStrategy: () => null }
}

async function read(client: Redis, served: Served): Promise<void> {
  await readValues(client, served)
  await readFacts(client, served)
  await pipeline(client, served)
  await tellOfConnection(client)
}

async function readValues(client: Redis, { group, values }: Served): Promise<void> {
  for (const [key, value] of Object.entries(values)) {
    expect(`the value of ${key}`, await client.get(`${group}:${key}`), value)
    const bytes = await client.getBuffer(`${group}:${key}`)
    expect(`the bytes of ${key}`, bytes?.equals(Buffer.from(value)), true)
  }
  expect('a value that is not there', await client.get(`${group}:nobody`), null)
  expect('MGET', await client.mget(`${group}:Tom`, `${group}:nobody`, `${group}:empty`), [
    values.Tom,
    null,
    '',
  ])
  expect('MGET of an array', await client.mget([`${group}:Tom`]), [values.Tom])
  expect('GETRANGE', await client.getrange(`${group}:digits`, 0, 3), '0123')
  expect('GETRANGE from the end', await client.getrange(`${group}:digits`, -3, -1), '789')
  expect('GETRANGE of nothing', await client.getrange(`${group}:nobody`, 0, -1), '')
  expect('STRLEN', await client.strlen(`${group}:text`), Buffer.byteLength(values.text!))
  expect('STRLEN of nothing', await client.strlen(`${group}:nobody`), 0)
  const prefixed = client.duplicate({ keyPrefix: `${group}:` })
  expect('a key with the prefix of the client', await prefixed.get('Tom'), values.Tom)
  prefixed.disconnect()
}

async function readFacts(client: Redis, { group, ttlGroup }: Served): Promise<void> {
  expect('EXISTS', await client.exists(`${group}:Tom`), 1)
  expect('EXISTS of many', await client.exists(`${group}:Tom`, `${group}:nobody`, `${group}:Tom`), 2)
  expect('TOUCH', await client.touch(`${group}:Tom`, `${group}:nobody`), 1)
  expect('TYPE', await client.type(`${group}:Tom`), 'string')
  expect('TYPE of nothing', await client.type(`${group}:nobody`), 'none')
  expect('TTL without one', await client.ttl(`${group}:Tom`), -1)
  expect('TTL of nothing', await client.ttl(`${group}:nobody`), -2)
  expect('TTL', isBetween(await client.ttl(`${ttlGroup}:Tom`), 0, 100), true)
  expect('PTTL', isBetween(await client.pttl(`${ttlGroup}:Tom`), 0, 100_000), true)
  expect('OBJECT ENCODING', await client.object('ENCODING', `${group}:Tom`), 'raw')
  expect('OBJECT HELP', ((await client.object('HELP')) as string[]).length > 0, true)
  expect('MEMORY USAGE', isBetween(Number(await client.memory('USAGE', `${group}:Tom`)), 0, 1000), true)
  expect('DBSIZE', isBetween(await client.dbsize(), 0, 10_000), true)
  expect('UNLINK', await client.unlink(`${group}:Tom`), 1)
  expect('DEL', await client.del(`${group}:Tom`, `${group}:digits`), 2)
  expect('EXISTS after DEL: it is loaded again', await client.exists(`${group}:Tom`), 1)
}

async function pipeline(client: Redis, { group, values }: Served): Promise<void> {
  expect('an empty pipeline', await client.pipeline().exec(), [])
  const many = client.pipeline()
  for (let i = 0; i < PIPELINED; i++) many.get(i % 3 === 0 ? `${group}:missing${i}` : `${group}:Tom`)
  const answers = (await many.exec()) ?? []
  const wrong = answers.findIndex(
    ([error, value], i) => error !== null || value !== (i % 3 === 0 ? null : values.Tom),
  )
  expect('the first wrong answer of a pipeline', [answers.length, wrong], [PIPELINED, -1])
  const multi = await client.multi().get(`${group}:Tom`).get(`${group}:nobody`).ping().exec()
  expect('MULTI', multi, [
    [null, values.Tom],
    [null, null],
    [null, 'PONG'],
  ])
  const mixed = await client.pipeline().get(`${group}:Tom`).call('get').set(`${group}:Tom`, '1').ping().exec()
  const seen = mixed?.map(([error, value]) => error?.message.split(' ')[0] ?? value)
  expect('a pipeline with errors', seen, [values.Tom, 'ERR', 'READONLY', 'PONG'])
  const automatic = client.duplicate({ enableAutoPipelining: true })
  const gets = await Promise.all(Array.from({ length: PIPELINED }, () => automatic.get(`${group}:Tom`)))
  expect('automatic pipelines', [...new Set(gets)], [values.Tom])
  automatic.disconnect()
}

async function tellOfConnection(client: Redis): Promise<void> {
  expect('PING', await client.ping(), 'PONG')
  expect('PING with a message', await client.ping('a message'), 'a message')
  expect('ECHO', await client.echo('Grüße'), 'Grüße')
  expect('SELECT', await client.select(3), 'OK')
  const id = await client.client('ID')
  expectParts('CLIENT LIST', String(await client.client('LIST')), [`id=${id}`])
  expectParts('CLIENT INFO', String(await client.client('INFO')), [`id=${id} addr=`])
  expect('CLIENT GETNAME', await client.client('GETNAME'), null)
  expect('CLIENT SETNAME', await client.client('SETNAME', 'conformance'), 'OK')
  expect('CLIENT GETNAME afterwards', await client.client('GETNAME'), 'conformance')
  expect('CLIENT GETREDIR', await client.client('GETREDIR'), -1)
  expect('CLIENT TRACKING', await client.client('TRACKING', 'ON', 'OPTIN'), 'OK')
  expect('CLIENT CACHING', await client.client('CACHING', 'YES'), 'OK')
  expect('CLIENT TRACKING OFF', await client.client('TRACKING', 'OFF'), 'OK')
  expect('CLIENT NO-EVICT', await client.client('NO-EVICT', 'ON'), 'OK')
  expect('CLIENT NO-TOUCH', await client.client('NO-TOUCH', 'ON'), 'OK')
  expect('CONFIG GET', await client.config('GET', 'maxmemory'), ['maxmemory', '0'])
  expect('COMMAND COUNT', isBetween(Number(await client.command('COUNT')), 20, 100), true)
  expect('COMMAND INFO', ((await client.command('INFO', 'get')) as string[][])[0]?.[0], 'get')
  expect('TIME', (await client.time()).length, 2)
  expect('LASTSAVE', isBetween(await client.lastsave(), 1e9, 1e10), true)
  expectParts('INFO', await client.info(), ['redis_version:', '# Clients', '# Stats'])
  expectParts('INFO of a section', await client.info('server'), ['# Server'])
}

/** Maps of RESP3 as objects. */
async function readMaps(client: Redis<'resp3'>): Promise<void> {
  const hello = await client.hello()
  expect(
    'HELLO',
    [hello.server, hello.proto, hello.mode, hello.role, hello.modules],
    ['redis', 3, 'standalone', 'master', []],
  )
  expect('CONFIG GET as an object', await client.config('GET', 'maxmemory'), { maxmemory: '0' })
  const tracking = { flags: ['off'], redirect: -1, prefixes: [] }
  expect('CLIENT TRACKINGINFO', await client.client('TRACKINGINFO'), tracking)
}

function isBetween(value: number, above: number, most: number): boolean {
  return value > above && value <= most
}
