import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RateMeter } from '../../../src/live/rate-meter.js'
import { run } from '../../../src/main/cli/run.js'
import { afterKey, topCommand } from '../../../src/main/cli/top.js'
import { type TopView, topFrame } from '../../../src/main/cli/top-frame.js'
import { type Node, startNode } from '../../../src/main/index.js'

const MAIN = fileURLToPath(new URL('../../../src/main/cli/main.js', import.meta.url))

/** What sets a colour. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]+m`, 'g')

const counters = (gets: number) => [
  { name: 'gets', group: 'scores', shard: 0, value: gets },
  { name: 'hits', group: 'scores', shard: 0, value: gets * 0.75 },
  { name: 'misses', group: 'scores', shard: 0, value: gets * 0.25 },
  { name: 'bytes', group: 'scores', shard: 0, value: 512 },
  { name: 'max_bytes', group: 'scores', shard: 0, value: 1024 },
  { name: 'gets', group: 'a\x1b[2J', shard: 1, value: 0 },
]

function viewOf(): TopView {
  const meter = new RateMeter()
  meter.take(0, counters(0))
  return {
    self: '127.0.0.1:8001',
    rates: meter.take(2000, counters(2400)),
    ring: { members: [{ address: '127.0.0.1:8001', share: 1, self: true }], owners: [] },
    hotKeys: [
      { key: Buffer.from('Tom'), hits: 12.4, hitsOverMax: 0 },
      { key: Buffer.from([0x1b, 0x5b]), hits: 3, hitsOverMax: 0 },
    ],
    group: 'scores',
    sort: 'calls',
    failure: undefined,
  }
}

describe('A frame of top', () => {
  it('shows totals, groups, shards, ring and hot keys', () => {
    const text = topFrame(viewOf(), { columns: 120, lines: 40, isColoured: false }).join('\n')
    assert.match(text, /^geek-cache {2}127\.0\.0\.1:8001 {2}1 in the ring$/m)
    assert.match(text, /1 200 calls\/s {3}75\.0 % hits/)
    assert.match(text, /^scores +1 200 +75\.0 % +0 +0 +0 +0 {2}█████░░░░░ 512 B$/m)
    assert.match(text, /Tom +12$/m)
    assert.match(text, /127\.0\.0\.1:8001 \* +100\.0 %$/m)
  })

  it('keeps to the size of the terminal', () => {
    for (const [columns, lines] of [
      [40, 10],
      [10, 3],
      [200, 100],
    ] as const) {
      const frame = topFrame(viewOf(), { columns, lines, isColoured: false })
      assert.ok(frame.length <= lines && frame.every((line) => line.length <= columns))
    }
  })

  it('shows nothing that a terminal would obey but its own colours', () => {
    const frame = topFrame(viewOf(), { columns: 120, lines: 40, isColoured: true }).join('\n')
    assert.doesNotMatch(frame.replaceAll(COLOUR, ''), /[^\P{C}\n]/u)
    assert.match(frame, /0x1b5b/)
  })

  it('says why there is no news', () => {
    const frame = topFrame({ ...viewOf(), failure: 'gone' }, { columns: 80, lines: 24, isColoured: false })
    assert.equal(frame.at(-1), 'No answer: gone')
  })
})

describe('Keys of top', () => {
  it('choose groups, within those that there are, and what to sort by', () => {
    const groups = viewOf().rates!.groups.map(({ name }) => name)
    assert.equal(afterKey({ ...viewOf(), group: groups[0] }, 'down').group, groups[1])
    assert.equal(afterKey({ ...viewOf(), group: groups[1] }, 'j').group, groups[1])
    assert.equal(afterKey({ ...viewOf(), group: groups[0] }, 'up').group, groups[0])
    assert.equal(afterKey(viewOf(), 's').sort, 'hits')
    assert.equal(afterKey({ ...viewOf(), sort: 'name' }, 's').sort, 'calls')
  })
})

describe('geek-cache top', () => {
  let node: Node
  before(async () => {
    node = await startNode({ self: '127.0.0.1:0', workers: 1 })
    await node.group('scores', { maxBytes: 1 << 20, getter: () => 'x' })
  })
  after(() => node.close())

  it('prints one frame for scripts', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const environment = { GEEK_CACHE_SERVER: node.self }
    const code = await run([topCommand], ['top', '--once', '--every', '250ms'], {
      environment,
      stdout,
      stderr,
    })
    assert.equal(code, 0, String(stderr.read()))
    assert.match(String(stdout.read()), /^scores +0 /m)
  })

  it('says in one line that there is no node', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const environment = { GEEK_CACHE_SERVER: '127.0.0.1:1' }
    const code = await run([topCommand], ['top', '--once'], { environment, stdout, stderr })
    assert.equal(code, 2)
    assert.match(String(stderr.read()), /no node listens there\n$/)
  })

  it('draws on a terminal until q, and leaves it as it was', async () => {
    // `script` of util-linux gives it a pseudo terminal.
    const command = `${process.execPath} ${MAIN} top --every 250ms --server ${node.self}`
    const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let screen = ''
    const keys = ['s', 'q']
    const shows = [/calls\/s[\s\S]*sort: calls/, /sort: hits/]
    child.stdout.on('data', (chunk: Buffer) => {
      screen += chunk
      if (shows[0]?.test(screen)) {
        shows.shift()
        child.stdin.write(keys.shift())
      }
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.equal(code, 0)
    assert.ok(screen.includes('\x1b[?1049h') && screen.trimEnd().endsWith('\x1b[?25h\x1b[?1049l'))
    assert.match(screen, /scores/)
  })
})
