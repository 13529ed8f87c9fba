import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Node, startNode } from '../../src/main/index.js'
import { freePorts } from '../support/free-ports.js'
import { until } from '../support/until.js'
import { WatchedNodes } from './watched-nodes.js'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const WIDE = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 844 }

/** Largest sum of layout shifts that a page may have and still count as stable is 0.1 (web.dev/cls); ours is far below. */
const SHIFT_MAX = 0.02

describe('The dashboard', () => {
  let browser: Browser
  let nodes: WatchedNodes
  let page: Page
  let faults: string[]

  before(async () => {
    const executablePath = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium'
    browser = await chromium.launch({ executablePath, args: FLAGS })
    nodes = await WatchedNodes.start(await freePorts(3))
  })
  after(async () => {
    await browser.close()
    await nodes.close()
  })
  beforeEach(() => {
    faults = []
  })
  afterEach(async () => {
    await page.context().close()
    assert.deepEqual(faults, [], 'The console has no errors')
  })

  async function open(address: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: WIDE, ...options })
    page = await context.newPage()
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => {
      const isExpected = /WebSocket connection to|ERR_CONNECTION_REFUSED/.test(message.text())
      if (message.type() === 'error' && !isExpected) faults.push(message.text())
    })
    page.on('request', (request) => {
      if (new URL(request.url()).host !== address) faults.push(`It asks another host: ${request.url()}`)
    })
    await page.goto(`http://${address}/`)
    return page
  }

  const text = async (selector: string) => (await page.locator(selector).first().textContent()) ?? ''
  const live = () => until('the page is live', async () => (await text('#status-text')) === 'Live')
  const rows = (count: number) =>
    until(
      'the groups are shown',
      async () => (await page.locator('#table-groups tbody tr').count()) === count,
    )
  const explained = (found: RegExp) =>
    until(`it says ${found}`, async () => found.test(await text('#lookup-result')))

  it('shows what the node does, and goes on showing it', async () => {
    await open(nodes.address)
    await live()
    await rows(3)
    const seen = new Set<string>()
    await until('calls per second change', async () => {
      seen.add(await text('#tile-calls'))
      return [...seen].filter((value) => /[1-9]/.test(value)).length >= 3
    })
    assert.match(await text('#tile-hits'), /^\d+\.\d %$/)
    assert.equal(await page.locator('#table-shards tbody tr').count(), 2)
    await until('hot keys are shown', async () => (await page.locator('#table-hot tbody tr').count()) > 5)
    assert.equal(await page.locator('#table-ring tbody tr').count(), 3)
    assert.ok((await page.locator('#ring .arc').count()) > 100, 'virtual nodes are drawn')
    assert.equal(await page.locator('.plot canvas').count(), 3)
    assert.match(await text('#table-latency tbody tr'), /loads.*ms/)
  })

  it('is worked by keyboard alone: choose a group, look a key up, delete it after a question', async () => {
    await open(nodes.address)
    await live()
    await rows(3)
    await page.keyboard.press('Tab')
    assert.equal(await text(':focus'), 'Skip to the groups')
    await page.keyboard.press('Enter')
    await tabTo('scores')
    await page.keyboard.press('Enter')
    assert.equal(await text('#shards-title'), 'Shards of scores')
    assert.equal(await page.locator('#lookup-group').inputValue(), 'scores')
    await page.locator('#lookup-key').focus()
    await page.keyboard.type('only once')
    await nodes.first.findGroup('scores')!.get('only once')
    await page.keyboard.press('Enter')
    await explained(/Owner127\.0\.0\.1:\d+/)
    await until('deleting is offered', async () => page.locator('#delete').isEnabled())
    await page.locator('#delete').focus()
    await page.keyboard.press('Enter')
    assert.match(await text('#confirm-text'), /“only once” of group “scores”/)
    await page.keyboard.press('Escape')
    assert.equal(await page.locator('#confirm').isVisible(), false)
    await page.keyboard.press('Enter')
    await tabTo('Delete')
    await page.keyboard.press('Enter')
    await explained(/Deleted\. Not in/)
    assert.equal(nodes.first.findGroup('scores')!.peek('only once'), undefined)
  })

  /** Presses Tab until what has the focus says this. */
  async function tabTo(what: string): Promise<void> {
    for (let presses = 0; presses < 40; presses++) {
      if ((await page.locator(':focus').count()) > 0 && (await text(':focus')) === what) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`Tab does not lead to ${what}`)
  }

  it('says what went wrong with a key', async () => {
    await open(nodes.address)
    await rows(3)
    const path = await page.evaluate<string>(`
      import('/ui/client/index.js').then(({ CacheError }) => CacheError.name)`)
    assert.equal(path, 'CacheError')
    await page.locator('#lookup-key').fill('nobody asked for this')
    await page.keyboard.press('Enter')
    await explained(/Not in/)
  })

  for (const [name, options] of [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: PHONE, isMobile: true, hasTouch: true }],
  ] as const) {
    it(`is accessible, ${name}`, async () => {
      await open(nodes.address, options)
      await live()
      await rows(3)
      await page.evaluate(axe.source)
      const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
      )
      const found = violations.map(({ id, nodes: at }) => `${id}: ${at.map(({ html }) => html).join(' ')}`)
      assert.deepEqual(found, [])
    })
  }

  it('is dark or light as the system is, or as was chosen, and remembers that', async () => {
    await open(nodes.address, { colorScheme: 'dark' })
    const theme = () => page.locator('html').getAttribute('data-theme')
    assert.equal(await theme(), 'dark')
    await page.getByRole('button', { name: 'Switch to light colours' }).click()
    assert.equal(await theme(), 'light')
    await page.reload()
    assert.equal(await theme(), 'light')
  })

  it('fits a phone, and nothing jumps while it fills', async () => {
    for (const viewport of [PHONE, WIDE]) {
      await open(nodes.address, { viewport })
      await live()
      await rows(3)
      await until('the ring is drawn', async () => (await page.locator('#ring .arc').count()) > 0)
      const width = await page.evaluate<number>('document.scrollingElement.scrollWidth')
      assert.ok(width <= viewport.width, `${width} px in a window of ${viewport.width}`)
      const shift = await page.evaluate<number>(`new Promise((resolve) => {
        let sum = 0
        new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value })
          .observe({ type: 'layout-shift', buffered: true })
        setTimeout(() => resolve(sum), 100)
      })`)
      if (viewport === WIDE) assert.ok(shift <= SHIFT_MAX, `Layout shifts of ${shift}`)
      if (viewport === PHONE) await page.context().close()
    }
  })

  it('says that the connection is lost, and connects again', async () => {
    const [port] = await freePorts(1)
    const start = async (): Promise<Node> => {
      const node = await startNode({
        self: '127.0.0.1:0',
        http: `127.0.0.1:${port}`,
        httpEngine: 'node',
        workers: 1,
      })
      await node.group('numbers', { maxBytes: 1 << 20, getter: () => 'x' })
      return node
    }
    const node = await start()
    await open(`127.0.0.1:${port}`)
    await live()
    await rows(1)
    await node.close()
    await until('it says so', async () => /connection to the node is lost/.test(await text('#banner')))
    const again = await start()
    try {
      await live()
      await until('the warning has gone', async () => !(await page.locator('#banner').isVisible()))
    } finally {
      await again.close()
    }
  })

  it('says so when there are no groups', async () => {
    const node = await startNode({ self: '127.0.0.1:0', http: '127.0.0.1:0', httpEngine: 'node', workers: 1 })
    try {
      await open(node.addresses.HTTP!)
      await until('it says so', async () => page.locator('#groups-empty').isVisible())
    } finally {
      await node.close()
    }
  })

  it('lets scripts of its own origin alone use the client module and the WebSocket', async () => {
    await open(nodes.address)
    const value = await page.evaluate<string>(`import('/ui/client/index.js').then(async ({ connect }) => {
      const client = connect('ws://' + location.host + '/v1/ws')
      const scores = client.group('scores')
      const changed = new Promise((resolve) => scores.watch(resolve, { prefix: 'seen', onWatching: () => scores.get('seen').then(() => scores.delete('seen')) }))
      const keys = await changed
      const value = new TextDecoder().decode(await scores.get('Tom'))
      const error = await scores.get('').catch(({ code }) => code)
      client.close()
      return [value.split(' ')[0], error, keys.map((key) => new TextDecoder().decode(key)).includes('seen')].join()
    })`)
    assert.equal(value, 'scores,INVALID_ARGUMENT,true')
    const other = await browser.newContext()
    const stranger = await other.newPage()
    await stranger.goto('data:text/html,<title>stranger</title>')
    const outcome = await stranger.evaluate<string>(`new Promise((resolve) => {
      const socket = new WebSocket('ws://${nodes.address}/v1/ws')
      socket.onopen = () => resolve('open')
      socket.onerror = () => resolve('refused')
    })`)
    await other.close()
    assert.equal(outcome, 'refused')
  })
})
