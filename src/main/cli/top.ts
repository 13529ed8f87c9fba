import { emitKeypressEvents } from 'node:readline'
import { RateMeter } from '../../live/rate-meter.js'
import { CacheError } from '../../shared/errors.js'
import type { CounterSample, HotKeySample } from '../node-view.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { duration, toggle } from '../option/option-type.js'
import type { Command, Terminal } from './command.js'
import { CLIENT_OPTIONS, type NodeClient, withNode } from './node-client.js'
import { oneLine } from './run.js'
import { SORTS, type TopView, topFrame } from './top-frame.js'

const OPTIONS = {
  every: { flag: 'every', type: duration(250, 60_000), default: 1000, help: 'Time between two looks' },
  once: {
    flag: 'once',
    type: toggle(),
    default: false,
    help: 'Print what happens within one interval, and end',
  },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

const HOT_KEYS = 10
const FRAME_COLUMNS = 120
const FRAME_LINES = 60

/** Another screen of the terminal, without a cursor; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
/** Clears to the end of the line, and of the screen. */
const CLEAR_LINE = '\x1b[K'
const CLEAR_REST = '\x1b[J'

export const topCommand: Command = {
  name: 'top',
  summary: 'Watch a node: calls, hits, loads, memory, shards, ring, hot keys',
  description: [
    'Keys: up and down, or j and k, choose a group; s sorts by another column; q ends. Where the output is no terminal, and with --once, one frame is printed.',
  ],
  arguments: [],
  options: OPTIONS,
  examples: [
    ['geek-cache top', 'watches 127.0.0.1:8001'],
    ['geek-cache top --once --server 127.0.0.1:8003', 'one frame, for scripts'],
  ],
  async run({ flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    const isLive = terminal.stdout.isTTY === true && !values.once
    return withNode(values, (node) => {
      const look = new Look(node)
      return isLive ? watch(look, values.every, terminal) : printOnce(look, values.every, terminal)
    })
  },
}

/** Asks the node, and keeps what it said: the view that frames are made of. */
class Look {
  readonly #node: NodeClient
  readonly #meter = new RateMeter()
  view: TopView = {
    self: '',
    rates: undefined,
    ring: { members: [], owners: [] },
    hotKeys: [],
    group: undefined,
    sort: SORTS[0],
    failure: undefined,
  }

  constructor(node: NodeClient) {
    this.#node = node
  }

  /** Rejects with CacheError when the node does not answer. */
  async take(): Promise<void> {
    const [{ self, counters }, ring] = await Promise.all([this.#node.stats(), this.#node.ring()])
    const rates = this.#meter.take(performance.now(), counters) ?? this.view.rates
    const group = this.view.group ?? groupsOf(counters)[0]
    this.view = { ...this.view, self, ring, rates, group, failure: undefined }
    this.view = { ...this.view, hotKeys: await this.#hotKeys(group) }
  }

  async #hotKeys(group: string | undefined): Promise<readonly HotKeySample[]> {
    if (group === undefined) return []
    try {
      return await this.#node.hotKeys(group, HOT_KEYS)
    } catch (thrown) {
      // The group was removed meanwhile: the next look chooses another one.
      if (CacheError.from(thrown).code !== 'NOT_FOUND') throw thrown
      this.view = { ...this.view, group: undefined }
      return []
    }
  }
}

function groupsOf(counters: readonly CounterSample[]): string[] {
  return [...new Set(counters.map(({ group }) => group))].filter((name) => name !== '').sort()
}

async function printOnce(look: Look, everyMs: number, { stdout }: Terminal): Promise<number> {
  await look.take()
  await new Promise((resolve) => setTimeout(resolve, everyMs))
  await look.take()
  stdout.write(
    `${topFrame(look.view, { columns: FRAME_COLUMNS, lines: FRAME_LINES, isColoured: false }).join('\n')}\n`,
  )
  return 0
}

/** Draws frame after frame until a key or a signal ends it. A node that does not answer is asked again. */
async function watch(look: Look, everyMs: number, { stdout }: Terminal): Promise<number> {
  const screen = stdout as NodeJS.WriteStream
  const draw = () => {
    // Some terminals do not know their size, and say 0.
    const size = { columns: screen.columns || FRAME_COLUMNS, lines: screen.rows || FRAME_LINES }
    const frame = topFrame(look.view, { ...size, isColoured: true })
    screen.write(`${HOME}${frame.map((line) => `${line}${CLEAR_LINE}`).join('\r\n')}${CLEAR_REST}`)
  }
  // The first answer decides whether there is anything to watch.
  await look.take()
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const keys = listenToKeys((key) => {
      if (key === 'q') {
        end(0)
        return
      }
      look.view = afterKey(look.view, key)
      draw()
    })
    const end = (code: number) => {
      isOver = true
      clearTimeout(timer)
      keys.stop()
      screen.off('resize', draw)
      for (const signal of SIGNALS) process.off(signal, onSignal)
      screen.write(LEAVE)
      resolve(code)
    }
    const onSignal = () => end(0)
    const next = async () => {
      try {
        await look.take()
      } catch (thrown) {
        look.view = { ...look.view, failure: oneLine(CacheError.from(thrown).message) }
      }
      if (isOver) return
      draw()
      timer = setTimeout(next, everyMs)
    }
    for (const signal of SIGNALS) process.on(signal, onSignal)
    screen.on('resize', draw)
    screen.write(ENTER)
    draw()
    timer = setTimeout(next, everyMs)
  })
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What a key does to the view. */
export function afterKey(view: TopView, key: string): TopView {
  const groups = view.rates?.groups.map(({ name }) => name) ?? []
  const at = groups.indexOf(view.group ?? '')
  if (key === 'down' || key === 'j') return { ...view, group: groups[Math.min(at + 1, groups.length - 1)] }
  if (key === 'up' || key === 'k') return { ...view, group: groups[Math.max(at - 1, 0)] }
  if (key === 's') return { ...view, sort: SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length]! }
  return view
}

function listenToKeys(onKey: (key: string) => void): { stop(): void } {
  const { stdin } = process
  const listener = (_: string | undefined, { name = '', ctrl }: { name?: string; ctrl?: boolean }) =>
    onKey(ctrl && name === 'c' ? 'q' : name)
  if (!stdin.isTTY) return { stop() {} }
  emitKeypressEvents(stdin)
  stdin.setRawMode(true)
  stdin.on('keypress', listener)
  stdin.resume()
  return {
    stop() {
      stdin.off('keypress', listener)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
