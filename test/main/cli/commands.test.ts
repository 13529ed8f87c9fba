import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { after, before, beforeEach, describe, it } from 'node:test'
import { deleteCommand } from '../../../src/main/cli/delete.js'
import { explainCommand } from '../../../src/main/cli/explain.js'
import { getCommand } from '../../../src/main/cli/get.js'
import { hotCommand } from '../../../src/main/cli/hot.js'
import { ringCommand } from '../../../src/main/cli/ring.js'
import { run } from '../../../src/main/cli/run.js'
import { statsCommand } from '../../../src/main/cli/stats.js'
import { registerGroupCacheService } from '../../../src/main/service/group-cache-service.js'
import { GrpcJsServer } from '../../../src/main/service/grpc-js-server.js'
import { registerNodeService } from '../../../src/main/service/node-service.js'
import { MemoryGroup } from '../../support/memory-groups.js'

const COMMANDS = [getCommand, deleteCommand, ringCommand, statsCommand, explainCommand, hotCommand]

const PRESENT = {
  owner: '127.0.0.1:8001',
  isOwned: true,
  shard: 1,
  present: true,
  notFound: false,
  ageMs: 1000,
  ttlLeftMs: 59_000,
  valueBytes: 3,
  costBytes: 44,
  hits: 41.6,
}
const ABSENT = { present: false, notFound: false, valueBytes: 0, costBytes: 0 }
const EXPLAINED = {
  explain: async (key: Uint8Array) =>
    Buffer.from(key).toString() === 'Tom'
      ? PRESENT
      : { owner: '127.0.0.1:8002', isOwned: false, shard: 0, ...ABSENT },
  hotKeys: async (countMax = 32) =>
    [
      { key: Buffer.from('Tom'), hits: 1200.25, hitsOverMax: 0 },
      { key: Buffer.from([0x22, 0x0a, 0xff]), hits: 7, hitsOverMax: 2.5 },
    ].slice(0, countMax),
}

describe('Commands that ask a running node', () => {
  const server = new GrpcJsServer({ receiveBytesMax: 2 ** 20, sendBytesMax: 2 ** 20 })
  let group = new MemoryGroup()
  let environment: NodeJS.ProcessEnv = {}

  before(async () => {
    registerGroupCacheService(server, { find: (name) => (name === 'scores' ? group : undefined) })
    registerNodeService(server, {
      self: '127.0.0.1:8001',
      counters: () => [
        { name: 'gets', group: 'scores', shard: 0, value: 1200 },
        { name: 'gets', group: 'scores', shard: 1, value: 34 },
        { name: 'loads', group: 'scores', shard: 0, value: 3 },
        { name: 'load_ms_le_0.1', group: 'scores', shard: 0, value: 0 },
        { name: 'load_ms_over', group: 'scores', shard: 0, value: 3 },
        { name: 'calls', group: '', shard: 0, value: 1_234_567 },
      ],
      peers: () => [],
      members: () => [
        { address: '127.0.0.1:8001', share: 0.25, self: true },
        { address: '127.0.0.1:8002', share: 0.75, self: false },
      ],
      find: (name) => (name === 'scores' ? EXPLAINED : undefined),
      owners: (key) => (Buffer.from(key).toString() === 'Tom' ? ['127.0.0.1:8002', '127.0.0.1:8001'] : []),
    })
    const port = await server.listen('127.0.0.1:0')
    environment = { GEEK_CACHE_SERVER: `127.0.0.1:${port}` }
  })

  after(() => server.shutdown(0))

  beforeEach(() => {
    group = new MemoryGroup()
    group.set('Tom', Buffer.from([0x36, 0x33, 0xff, 0x00]))
  })

  async function ask(...argv: string[]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = await run(COMMANDS, argv, { environment, stdout, stderr })
    return {
      code,
      stdout: (stdout.read() as Buffer | null) ?? Buffer.alloc(0),
      stderr: String(stderr.read() ?? ''),
    }
  }

  it('get prints the value byte for byte', async () => {
    const { code, stdout, stderr } = await ask('get', 'scores', 'Tom')
    assert.deepEqual([code, [...stdout], stderr], [0, [0x36, 0x33, 0xff, 0x00], ''])
  })

  it('get --verbose says who answered, and how', async () => {
    const { stderr } = await ask('get', '--verbose', 'scores', 'Tom')
    assert.match(stderr, /^answered by \S+: (hit|load)\n$/)
  })

  it('get exits with 1 when there is no such key or group', async () => {
    const missing = await ask('get', 'scores', 'Nobody')
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /^geek-cache: .+\n$/)
    const { code, stderr } = await ask('get', 'socres', 'Tom')
    assert.deepEqual([code, stderr], [1, 'geek-cache: group not found: "socres"\n'])
  })

  it('get exits with 2 when there is no answer', async () => {
    const failed = await ask('get', 'scores', 'throw UNAVAILABLE')
    assert.equal(failed.code, 2)
    assert.match(failed.stderr, /^geek-cache: 127\.0\.0\.1:\d+: UNAVAILABLE: .+\n$/)
    const late = await ask('get', '--timeout', '50ms', 'scores', 'wait')
    assert.equal(late.code, 2)
    assert.match(late.stderr, /^geek-cache: 127\.0\.0\.1:\d+: DEADLINE_EXCEEDED: .+\n$/)
  })

  it('get says that no node listens', async () => {
    const closed = new GrpcJsServer({ receiveBytesMax: 1, sendBytesMax: 1 })
    const port = await closed.listen('127.0.0.1:0')
    await closed.shutdown(0)
    const { code, stderr } = await ask('get', '--server', `127.0.0.1:${port}`, 'scores', 'Tom')
    const line = `geek-cache: 127.0.0.1:${port}: UNAVAILABLE: connection refused, no node listens there\n`
    assert.deepEqual([code, stderr], [2, line])
  })

  it('delete drops the key and prints nothing', async () => {
    const { code, stdout, stderr } = await ask('delete', 'scores', 'Tom')
    assert.deepEqual([code, stdout.length, stderr, group.has('Tom')], [0, 0, '', false])
  })

  it('ring prints the members with their shares, and the owners of a key', async () => {
    const { code, stdout } = await ask('ring', 'Tom')
    assert.equal(code, 0)
    assert.equal(
      String(stdout),
      [
        'node             share',
        '127.0.0.1:8001  25.0 %  the node that was asked',
        '127.0.0.1:8002  75.0 %',
        '',
        '"Tom" is owned by 127.0.0.1:8002, then 127.0.0.1:8001',
        '',
      ].join('\n'),
    )
    assert.doesNotMatch(String((await ask('ring')).stdout), /owned/)
  })

  it('ring --json and stats --json print what the node said', async () => {
    const ring = JSON.parse(String((await ask('ring', '--json', 'Tom')).stdout)) as { owners: string[] }
    assert.deepEqual(ring.owners, ['127.0.0.1:8002', '127.0.0.1:8001'])
    const stats = JSON.parse(String((await ask('stats', '--json')).stdout)) as { counters: object[] }
    assert.deepEqual(stats.counters[1], { name: 'gets', group: 'scores', shard: 1, value: 34 })
  })

  it('explain prints what a node has of a key, and where the key lives', async () => {
    const present = await ask('explain', 'scores', 'Tom')
    assert.equal(
      String(present.stdout),
      [
        'owner      127.0.0.1:8001, the node that was asked',
        'shard      1',
        'in memory  yes',
        'age        1s',
        'time left  59s',
        'value      3 bytes',
        'cost       44 bytes',
        'hits       about 42 of late',
        '',
      ].join('\n'),
    )
    const absent = await ask('explain', 'scores', 'Tim')
    assert.equal(String(absent.stdout), 'owner      127.0.0.1:8002\nshard      0\nin memory  no\n')
    assert.deepEqual(JSON.parse(String((await ask('explain', 'scores', 'Tom', '--json')).stdout)), PRESENT)
    const unknown = await ask('explain', 'socres', 'Tom')
    assert.match(unknown.stderr, /^geek-cache: group not found: "socres"\n$/)
  })

  it('hot prints the hot keys, quoted', async () => {
    const { code, stdout } = await ask('hot', 'scores')
    assert.equal(code, 0)
    assert.equal(
      String(stdout),
      ['key      hits  over', '"Tom"    1200     0', '"\\"\\n\ufffd"     7     3', ''].join('\n'),
    )
    const one = JSON.parse(String((await ask('hot', 'scores', '--count', '1', '--json')).stdout))
    assert.deepEqual(one, [{ key: 'Tom', keyBase64: 'VG9t', hits: 1200.25, hitsOverMax: 0 }])
    assert.equal((await ask('hot', 'socres')).code, (await ask('explain', 'socres', 'Tom')).code)
  })

  it('stats prints a table for the node and one for each group', async () => {
    const { code, stdout } = await ask('stats')
    assert.equal(code, 0)
    assert.equal(
      String(stdout),
      [
        'node 127.0.0.1:8001',
        'calls                1 234 567',
        '',
        'group scores  total  shard 0  shard 1',
        'gets          1 234    1 200       34',
        'loads             3        3',
        'load_ms_over      3        3',
        '',
      ].join('\n'),
    )
  })
})
