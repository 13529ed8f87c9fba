import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Etcd3 } from 'etcd3'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../src/main/cluster/etcd-registry.js'
import { DeafProxy } from '../../support/deaf-proxy.js'
import { Etcd } from '../../support/etcd.js'
import { Member } from '../../support/member.js'

const one = '127.0.0.1:8001'
const two = '127.0.0.1:8002'
const three = '127.0.0.1:8003'
/** Longer than any test: what does not wait for the next list. */
const NEVER_MS = 600_000

async function startEtcd(context: TestContext): Promise<Etcd> {
  const etcd = await Etcd.start()
  context.after(() => etcd.close())
  return etcd
}

async function startMember(
  context: TestContext,
  host: string | readonly string[],
  self: string,
  options?: Partial<EtcdRegistryOptions>,
): Promise<Member> {
  const member = new Member(self, host, options)
  context.after(() => member.registry.close())
  return member.start()
}

/** Started in turn, closed after the test; each sees all. */
async function startMembers(context: TestContext, host: string, ...addresses: string[]): Promise<Member[]> {
  const members = []
  for (const self of addresses) members.push(await startMember(context, host, self))
  for (const member of members) await member.sees(...addresses)
  return members
}

function clientOf(context: TestContext, etcd: Etcd): Etcd3 {
  const client = new Etcd3({ hosts: etcd.host })
  context.after(() => client.close())
  return client
}

async function spawnMember(self: string, etcd: Etcd): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('../../support/member-process.js', import.meta.url))
  const child = spawn(process.execPath, [script, self, etcd.host], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

function smallest(member: Member): number {
  return Math.min(...member.views.map((view) => view.length))
}

async function registeredAgain(member: Member, times: number): Promise<void> {
  await member.until(() => member.registry.status().registrations >= times)
  await member.until(() => member.registry.status().state === 'connected')
}

describe('EtcdRegistry', { concurrency: 4, timeout: 60_000 }, () => {
  test('registers what Go nodes register and read', async (context) => {
    const etcd = await startEtcd(context)
    const client = clientOf(context, etcd)
    const plain = await startMember(context, etcd.host, one)
    await startMember(context, etcd.host, two, { metadata: { peer: 'geekcache.v1' } })

    const { kvs } = await client.getAll().exec()
    assert.deepEqual(
      kvs.map(({ key, value }) => [key.toString(), value.toString()]),
      [
        [`geek-cache/${one}`, `{"Op":0,"Addr":"${one}","Metadata":null}`],
        [`geek-cache/${two}`, `{"Op":0,"Addr":"${two}","Metadata":{"peer":"geekcache.v1"}}`],
      ],
    )
    assert.equal(kvs[0]?.lease, plain.registry.status().leaseId)
    const lease = await client.leaseClient.leaseTimeToLive({ ID: kvs[0]!.lease })
    assert.equal(lease.grantedTTL, '2')
  })

  test('shows members to each other, and at once when one leaves', async (context) => {
    const etcd = await startEtcd(context)
    const client = clientOf(context, etcd)
    const [first, second, third] = await startMembers(context, etcd.host, one, two, three)
    assert.equal(first!.registry.status().state, 'connected')
    assert.equal(first!.registry.status().members, 3)

    const countAtClose = second!.views.length
    await second!.registry.close()
    // The lease is revoked when close() resolves: nobody has to wait for its end.
    assert.equal(await client.get(`geek-cache/${two}`), null)
    await Promise.all([first!.sees(one, three), third!.sees(one, three)])
    assert.equal(second!.views.length, countAtClose)
    assert.equal(second!.registry.status().state, 'closed')
    await second!.registry.close()
  })

  test('keeps its lease for many times its length', async (context) => {
    const etcd = await startEtcd(context)
    const [first, second] = await startMembers(context, etcd.host, one, two)
    const viewsAtStart = first!.views.length
    const client = clientOf(context, etcd)
    // Three leases' time, measured by etcd itself.
    const lease = client.lease(6, { autoKeepAlive: false })
    await lease.put('timer').value('')
    const watcher = await client.watch().key('timer').create()
    await once(watcher, 'delete')
    await watcher.cancel()
    assert.equal(first!.views.length, viewsAtStart)
    assert.equal(first!.registry.status().registrations, 1)
    assert.equal(second!.registry.status().connectionFailures, 0)
  })

  test('loses a member that was killed when its lease ends, and its process ends when it leaves', async (context) => {
    const etcd = await startEtcd(context)
    const [first] = await startMembers(context, etcd.host, one)
    const killed = await spawnMember(two, etcd)
    const leaving = await spawnMember(three, etcd)
    await first!.sees(one, two, three)
    leaving.stdin!.end()
    assert.deepEqual(await once(leaving, 'exit'), [0, null])
    await first!.sees(one, two)
    killed.kill('SIGKILL')
    await first!.sees(one)
  })

  test('serves the last view while etcd is killed, and goes on with the same lease when it is back', async (context) => {
    const etcd = await startEtcd(context)
    // Longer than etcd is away, on a busy machine, too.
    const lasting = { leaseTtlSeconds: 30 }
    const members = await Promise.all(
      [one, two, three].map((self) => startMember(context, etcd.host, self, lasting)),
    )
    for (const member of members) await member.sees(one, two, three)
    const viewsBefore = members.map((member) => member.views.length)
    await etcd.stop('SIGKILL')
    await Promise.all(members.map((m) => m.until(() => m.registry.status().state === 'disconnected')))
    await etcd.start()
    await Promise.all(members.map((m) => m.until(() => m.linesOf('info').length === 3)))
    assert.deepEqual(
      members.map((member) => member.views.length),
      viewsBefore,
    )
    for (const member of members) {
      assert.equal(member.registry.status().registrations, 1)
      assert.equal(member.linesOf('warn').length, 1, 'says once that etcd is away')
    }
  })

  test('holds the view while everyone registers in an etcd that forgot all, then lets the dead go', async (context) => {
    const etcd = await startEtcd(context)
    const members = await startMembers(context, etcd.host, one, two)
    const dead = await spawnMember(three, etcd)
    await Promise.all(members.map((member) => member.sees(one, two, three)))
    for (const member of members) member.views.splice(0, member.views.length - 1)

    await etcd.stop('SIGKILL')
    dead.kill('SIGKILL')
    await etcd.wipe()
    await etcd.start()
    await Promise.all(members.map((member) => registeredAgain(member, 2)))
    await Promise.all(members.map((member) => member.sees(one, two)))
    // Nobody who lives was ever missing: the only change of view is the loss of the dead.
    for (const member of members)
      assert.deepEqual(member.views, [
        [one, two, three],
        [one, two],
      ])
  })

  test('registers again when etcd stood still for longer than the lease', async (context) => {
    const etcd = await startEtcd(context)
    const members = await startMembers(context, etcd.host, one, two)
    for (const member of members) member.views.splice(0, member.views.length - 1)
    etcd.freeze()
    const frozenAt = Date.now()
    // Every attempt is given up after a third of a lease: the log lines of five span more than two leases.
    await Promise.all(members.map((m) => m.until(() => m.registry.status().connectionFailures >= 5)))
    assert.ok(Date.now() - frozenAt > 2500)
    etcd.thaw()
    await Promise.all(members.map((member) => registeredAgain(member, 2)))
    for (const member of members) assert.equal(smallest(member), 2)
    const client = clientOf(context, etcd)
    assert.deepEqual(await client.getAll().keys(), [`geek-cache/${one}`, `geek-cache/${two}`])
  })

  test('registers again at once when its lease is revoked or its key deleted behind its back', async (context) => {
    const etcd = await startEtcd(context)
    const client = clientOf(context, etcd)
    const first = await startMember(context, etcd.host, one, { relistMs: NEVER_MS })
    await startMember(context, etcd.host, two)
    await first.sees(one, two)
    await client.leaseClient.leaseRevoke({ ID: first.registry.status().leaseId! })
    await registeredAgain(first, 2)
    await client.delete().key(`geek-cache/${one}`)
    await registeredAgain(first, 3)
    for (const view of first.views) assert.ok(view.includes(one))
  })

  test('puts its key back, and says so, when another process took its address', async (context) => {
    const etcd = await startEtcd(context)
    const client = clientOf(context, etcd)
    const member = await startMember(context, etcd.host, one, { relistMs: 300 })
    await client.put(`geek-cache/${one}`).value(`{"Op":0,"Addr":"${one}","Metadata":"other"}`)
    await registeredAgain(member, 2)
    assert.deepEqual(member.linesOf('warn'), ['Another process registers the address of this node'])
    assert.match((await client.get(`geek-cache/${one}`))!, /"Metadata":null/)
  })

  test('ignores other services and entries that are no registrations, each with one line', async (context) => {
    const etcd = await startEtcd(context)
    const client = clientOf(context, etcd)
    const value = (address: unknown) => JSON.stringify({ Op: 0, Addr: address, Metadata: { any: ['thing'] } })
    const garbage: [string, string | Buffer][] = [
      ['geek-cache/10.0.0.1:1', 'no JSON'],
      ['geek-cache/10.0.0.2:1', value('10.0.0.3:1')],
      ['geek-cache/10.0.0.4', value('10.0.0.4')],
      ['geek-cache/10.0.0.5:1', value(5)],
      ['geek-cache/10.0.0.6:1', 'null'],
      ['geek-cache/10.0.0.7:1', Buffer.from([0xff, 0xfe, 0])],
      ['geek-cache/10.0.0.8:1', value('10.0.0.8:1') + ' '.repeat(100_000)],
      ['geek-cache/', value('')],
      ['geek-cache/nested/10.0.0.9:1', value('nested/10.0.0.9:1')],
    ]
    const staging = `geek-cache-staging/${three}`
    for (const [key, bad] of garbage) await client.put(key).value(bad)
    await client.put(staging).value(value(three))
    await client.put(`geek-cache0/${three}`).value(value(three))
    const member = await startMember(context, etcd.host, one, { relistMs: 200 })
    assert.deepEqual(member.view, [one])

    // The same once more, now through the watch; then a real one, which must be the next to be seen.
    for (const [key, bad] of garbage) await client.put(key).value(bad)
    await client.put(staging).value(value(three))
    await client.put(`geek-cache/${two}`).value(value(two))
    await member.sees(one, two)
    assert.equal(member.linesOf('warn').length, garbage.length)
    // A member that turns to garbage is one no more.
    await client.put(`geek-cache/${two}`).value('garbage')
    await member.sees(one)
  })

  test('starts alone where there is no etcd, says so once, and joins when there is one', async (context) => {
    const etcd = await Etcd.prepare()
    context.after(() => etcd.close())
    const member = new Member(one, etcd.host, { startTimeoutMs: 300 })
    context.after(() => member.registry.close())
    await member.start()
    assert.deepEqual(member.views, [[one]])
    assert.equal(member.registry.status().state, 'disconnected')
    await etcd.start()
    await registeredAgain(member, 1)
    await startMember(context, etcd.host, two)
    await member.sees(one, two)
    assert.equal(member.linesOf('warn').length, 1)
  })

  test('goes to the next host when one is dead', async (context) => {
    const etcd = await startEtcd(context)
    const dead = await Etcd.prepare()
    context.after(() => dead.close())
    for (const hosts of [
      [dead.host, etcd.host],
      [etcd.host, dead.host],
    ]) {
      const member = await new Member(one, hosts).start()
      assert.equal(member.registry.status().state, 'connected')
      await member.registry.close()
    }
  })

  test('finds a member that a silent watch never told of', async (context) => {
    const etcd = await startEtcd(context)
    const proxy = await DeafProxy.start(etcd.host)
    context.after(() => proxy.close())
    const member = await startMember(context, proxy.host, one, { relistMs: 600 })
    // etcd3 opens one connection for each service: leases, then keys, then watches.
    assert.equal(proxy.connections, 3)
    proxy.deafen(2)
    await startMember(context, etcd.host, two)
    await member.sees(one, two)
    assert.deepEqual(member.linesOf('warn').length, 1)
  })

  test('watches anew at once when only the watch broke', async (context) => {
    const etcd = await startEtcd(context)
    const proxy = await DeafProxy.start(etcd.host)
    context.after(() => proxy.close())
    const member = await startMember(context, proxy.host, one, { relistMs: NEVER_MS })
    proxy.cut(2)
    await startMember(context, etcd.host, two)
    await member.sees(one, two)
    assert.equal(member.registry.status().connectionFailures, 1)
  })

  test('leaves in a bounded time where etcd stands still', async (context) => {
    const etcd = await startEtcd(context)
    const [member] = await startMembers(context, etcd.host, one)
    etcd.freeze()
    await member!.registry.close()
    etcd.thaw()
  })

  test('goes on when the one it tells throws', async (context) => {
    const etcd = await startEtcd(context)
    const told: string[] = []
    const errors: string[] = []
    const ignore = () => undefined
    const log = {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (_: object, line: string) => errors.push(line),
    }
    const registry = new EtcdRegistry({ self: one, service: 'geek-cache', hosts: [etcd.host], log })
    context.after(() => registry.close())
    await registry.start((members) => {
      told.push([...members].sort().join())
      throw new Error('Not today')
    })
    const other = await startMember(context, etcd.host, two)
    await other.sees(one, two)
    while (told.at(-1) !== `${one},${two}`) await new Promise(setImmediate)
    assert.equal(errors.length, 2)
    assert.equal(registry.status().state, 'connected')
  })

  test('starts once, and not after close', async () => {
    const member = new Member(one, '127.0.0.1:1')
    await member.registry.close()
    await assert.rejects(member.start(), { code: 'FAILED_PRECONDITION' })
    const twice = new Member(one, '127.0.0.1:1', { startTimeoutMs: 60_000 })
    const start = twice.start()
    await assert.rejects(twice.start(), { code: 'FAILED_PRECONDITION' })
    await twice.registry.close()
    await start
  })

  test('refuses options that cannot work', () => {
    const bad: Partial<EtcdRegistryOptions>[] = [
      { self: 'localhost' },
      { service: '' },
      { service: 'geek-cache/' },
      { hosts: [] },
      { hosts: ['localhost'] },
      { leaseTtlSeconds: 0 },
      { leaseTtlSeconds: 1.5 },
    ]
    for (const options of bad) {
      assert.throws(() => new Member(one, '127.0.0.1:1', options), { code: 'INVALID_ARGUMENT' })
    }
  })
})
