import { createClient } from 'redis'
import { expect, expectParts, type Served } from './check.js'

const AT_A_TIME = 2000

/** What node-redis' own tests ask of reads, in both versions of the protocol and over TLS. */
export async function runNodeRedis(served: Served): Promise<string> {
  for (const RESP of [2, 3] as const) {
    for (const tls of [false, true]) {
      const [host, port] = (tls ? served.tlsRespAddress : served.respAddress).split(':')
      const where = { host: host!, port: Number(port), reconnectStrategy: false as const }
      const socket = tls ? { ...where, tls: true as const, rejectUnauthorized: false } : where
      const client = createClient({ RESP, socket })
      client.on('error', () => {})
      await client.connect()
      try {
        await readValues(client as unknown as Client, served)
        await readFacts(client as unknown as Client, served)
        await tellOfServer(client as unknown as Client, RESP)
      } finally {
        client.destroy()
      }
    }
  }
  return 'RESP2 and RESP3, plain and over TLS; values, nulls, times to live, CLIENT, COMMAND, HELLO, errors'
}

type Client = ReturnType<typeof createClient>

async function readValues(client: Client, { group, values }: Served): Promise<void> {
  for (const [key, value] of Object.entries(values))
    expect(`the value of ${key}`, await client.get(`${group}:${key}`), value)
  expect('a value that is not there', await client.get(`${group}:nobody`), null)
  expect('MGET', await client.mGet([`${group}:Tom`, `${group}:nobody`]), [values.Tom, null])
  expect('GETRANGE', await client.getRange(`${group}:digits`, 0, -1), values.digits)
  expect('GETRANGE of nothing', await client.getRange(`${group}:nobody`, 0, -1), '')
  expect('STRLEN', await client.strLen(`${group}:digits`), 10)
  const gets = await Promise.all(
    Array.from({ length: AT_A_TIME }, (_, i) => client.get(`${group}:${i % 2 ? 'Tom' : `no${i}`}`)),
  )
  expect('many at a time', [...new Set(gets)], [null, values.Tom])
  const multi = await client.multi().get(`${group}:Tom`).strLen(`${group}:nobody`).ping().exec()
  expect('MULTI', multi, [values.Tom, 0, 'PONG'])
}

async function readFacts(client: Client, { group, ttlGroup }: Served): Promise<void> {
  expect('EXISTS', await client.exists([`${group}:Tom`, `${group}:nobody`]), 1)
  expect('TOUCH', await client.touch(`${group}:nobody`), 0)
  expect('TYPE', await client.type(`${group}:nobody`), 'none')
  expect('TTL of nothing', await client.ttl(`${group}:nobody`), -2)
  expect('PTTL of nothing', await client.pTTL(`${group}:nobody`), -2)
  expect('TTL', (await client.ttl(`${ttlGroup}:Tom`)) > 0, true)
  expect('OBJECT ENCODING of nothing', await client.objectEncoding(`${group}:nobody`), null)
  expect('OBJECT FREQ of nothing', await client.objectFreq(`${group}:nobody`), null)
  expect('OBJECT REFCOUNT of nothing', await client.objectRefCount(`${group}:nobody`), null)
  expect('MEMORY USAGE of nothing', await client.memoryUsage(`${group}:nobody`), null)
  expect('MEMORY USAGE', typeof (await client.memoryUsage(`${group}:Tom`)), 'number')
  expect('DBSIZE', typeof (await client.dbSize()), 'number')
  expect('DEL', await client.del([`${group}:Tom`]), 1)
  expect('UNLINK', await client.unlink(`${group}:Tom`), 1)
  const refused = await client.set(`${group}:Tom`, '1').catch((error: Error) => error.message)
  expectParts('a write', String(refused), ['READONLY'])
}

async function tellOfServer(client: Client, RESP: 2 | 3): Promise<void> {
  expect('PING', await client.ping(), 'PONG')
  expect('PING with a message', await client.ping('message'), 'message')
  expect('ECHO', await client.echo('message'), 'message')
  const hello = await client.hello()
  const { server, proto, mode, role, modules } = hello
  expect(
    'HELLO',
    { server, proto, mode, role, modules },
    { server: 'redis', proto: RESP, mode: 'standalone', role: 'master', modules: [] },
  )
  expect('the types of HELLO', [typeof hello.version, typeof hello.id], ['string', 'number'])
  const { libName: _name, libVer: _version, ...info } = await client.clientInfo()
  const faults = Object.entries(info).filter(([, value]) => value === undefined || Number.isNaN(value))
  expect('fields of CLIENT INFO that are no numbers', faults, [])
  expect(
    'CLIENT LIST',
    (await client.clientList()).some(({ id }) => id === info.id),
    true,
  )
  expect('CLIENT ID', await client.clientId(), info.id)
  expect('CLIENT SETNAME', await client.clientSetName('conformance'), 'OK')
  expect('CLIENT GETNAME', await client.clientGetName(), 'conformance')
  expect('CLIENT NO-EVICT', await client.clientNoEvict(true), 'OK')
  expect('CLIENT NO-TOUCH', await client.clientNoTouch(true), 'OK')
  expect('CLIENT GETREDIR', await client.clientGetRedir(), -1)
  expect(
    'CLIENT TRACKINGINFO',
    { ...(await client.clientTrackingInfo()) },
    { flags: ['off'], redirect: -1, prefixes: [] },
  )
  expect('COMMAND COUNT', typeof (await client.commandCount()), 'number')
  expect(
    'COMMAND INFO',
    (await client.commandInfo(['GET', 'nonsense'])).map((of) => of?.name ?? null),
    ['get', null],
  )
  expect('COMMAND LIST', (await client.commandList()).includes('get'), true)
  expect('COMMAND GETKEYS', await client.commandGetKeys(['GET', 'key']), ['key'])
  expect('COMMAND', (await client.command()).length > 20, true)
  expect('CONFIG GET', { ...(await client.configGet('maxmemory')) }, { maxmemory: '0' })
  expectParts('INFO', await client.info('server'), ['# Server', 'redis_version:7'])
  expect('ROLE', await client.role(), { role: 'master', replicationOffest: 0, replicas: [] })
  expect('TIME', (await client.time()).length, 2)
  expect('LASTSAVE', typeof (await client.lastSave()), 'number')
  expect('ACL WHOAMI', await client.aclWhoAmI(), 'default')
  expect('MODULE LIST', await client.moduleList(), [])
}
