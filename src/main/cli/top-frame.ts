import { formatBytes, formatCount, formatKey, formatMs, formatShare } from '../../live/format.js'
import type { GroupRates, Latency, NodeRates, ShardRates } from '../../live/rate-meter.js'
import type { HotKeySample } from '../node-view.js'
import type { RingView } from '../service/node-codec.js'

/** What groups can be sorted by. */
export const SORTS = ['calls', 'hits', 'loads', 'evicted', 'memory', 'name'] as const
export type Sort = (typeof SORTS)[number]

/** What a frame shows. */
export interface TopView {
  readonly self: string
  /** Undefined until there were two looks. */
  readonly rates: NodeRates | undefined
  readonly ring: RingView
  /** Of the chosen group. */
  readonly hotKeys: readonly HotKeySample[]
  readonly group: string | undefined
  readonly sort: Sort
  /** Why there is no news. */
  readonly failure: string | undefined
}

export interface FrameSize {
  readonly columns: number
  readonly lines: number
  readonly isColoured: boolean
}

const NAME_WIDTH = 20
const GAP = '   '
/** Two tables stand side by side from this width on. */
const SIDE_BY_SIDE_COLUMNS = 90

/** Select Graphic Rendition (ECMA-48, 8.3.117). */
const STYLE = { title: '1;36', head: '2', chosen: '7', bar: '36', failure: '1;31' } as const
type Style = keyof typeof STYLE

/** Text, and how it looks. */
interface Line {
  readonly text: string
  readonly style?: Style
}

/** The lines of one screen: none is wider or more than the size allows. */
export function topFrame(view: TopView, { columns, lines, isColoured }: FrameSize): string[] {
  const all = frameLines(view, columns)
  const footer: Line =
    view.failure === undefined
      ? { text: `↑↓ group · s sort: ${view.sort} · q quit`, style: 'head' }
      : { text: `No answer: ${view.failure}`, style: 'failure' }
  const shown = all.length < lines ? [...all, footer] : [...all.slice(0, lines - 1), footer]
  return shown.map(({ text, style }) => {
    const cut = cutTo(text, columns)
    return isColoured && style !== undefined ? `\x1b[${STYLE[style]}m${cut}\x1b[0m` : cut
  })
}

function frameLines(view: TopView, columns: number): Line[] {
  const { self, rates, ring } = view
  const head: Line = { text: `geek-cache  ${self}  ${ring.members.length} in the ring`, style: 'title' }
  if (rates === undefined) return [head, { text: '' }, { text: 'Looking …' }]
  const chosen = rates.groups.find(({ name }) => name === view.group)
  const left = [...shardLines(chosen), { text: '' }, ...latencyLines(rates.latencies)]
  const right = [...hotLines(view), { text: '' }, ...ringLines(ring)]
  return [
    head,
    totalLine(rates.total),
    { text: '' },
    ...groupLines(view, rates.groups),
    { text: '' },
    ...(columns >= SIDE_BY_SIDE_COLUMNS ? beside(left, right) : [...left, { text: '' }, ...right]),
  ]
}

function totalLine({ getsPerS, hitRatio, loadsPerS, evictionsPerS, bytes, maxBytes }: GroupRates): Line {
  const parts = [
    `${formatCount(Math.round(getsPerS))} calls/s`,
    `${formatShare(hitRatio)} hits`,
    `${formatCount(Math.round(loadsPerS))} loads/s`,
    `${formatCount(Math.round(evictionsPerS))} evicted/s`,
    `${formatBytes(bytes)} of ${formatBytes(maxBytes)}`,
  ]
  return { text: parts.join(GAP) }
}

function groupLines({ group, sort }: TopView, groups: readonly GroupRates[]): Line[] {
  if (groups.length === 0) return [{ text: 'This node has no groups.' }]
  const head = groupRow(['group', 'calls/s', 'hits', 'loads/s', 'peers/s', 'evicted/s', 'entries', 'memory'])
  const rows = sorted(groups, sort).map((of): Line => {
    const { getsPerS, hitRatio, loadsPerS, peerGetsPerS, evictionsPerS, entries } = of
    const text = groupRow([
      printable(of.name),
      formatCount(Math.round(getsPerS)),
      formatShare(hitRatio),
      formatCount(Math.round(loadsPerS)),
      formatCount(Math.round(peerGetsPerS)),
      formatCount(Math.round(evictionsPerS)),
      formatCount(entries),
      `${meter(of)} ${formatBytes(of.bytes)}`,
    ])
    return { text, ...(of.name === group && { style: 'chosen' as const }) }
  })
  return [{ text: head, style: 'head' }, ...rows]
}

function groupRow([name = '', ...cells]: readonly string[]): string {
  const memory = cells.pop() ?? ''
  return `${fit(name, NAME_WIDTH)}${cells.map((cell) => cell.padStart(10)).join('')}  ${memory}`
}

function sorted(groups: readonly GroupRates[], sort: Sort): GroupRates[] {
  const value: Record<Sort, (group: GroupRates) => number> = {
    calls: ({ getsPerS }) => getsPerS,
    hits: ({ hitRatio = -1 }) => hitRatio,
    loads: ({ loadsPerS }) => loadsPerS,
    evicted: ({ evictionsPerS }) => evictionsPerS,
    memory: ({ bytes }) => bytes,
    name: () => 0,
  }
  return [...groups].sort((a, b) => value[sort](b) - value[sort](a) || (a.name < b.name ? -1 : 1))
}

function shardLines(group: GroupRates | undefined): Line[] {
  const row = (name: string, cells: readonly string[], memory: string) =>
    `${fit(name, 8)}${cells.map((cell) => cell.padStart(9)).join('')}  ${memory}`
  const head: Line = { text: row('shard', ['calls/s', 'hits', 'entries'], 'memory'), style: 'head' }
  return [
    head,
    ...(group?.shards ?? []).map((shard) => ({
      text: row(
        String(shard.shard),
        [formatCount(Math.round(shard.getsPerS)), formatShare(shard.hitRatio), formatCount(shard.entries)],
        meter(shard),
      ),
    })),
  ]
}

function latencyLines(latencies: readonly Latency[]): Line[] {
  const row = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? fit(cell, 8) : cell.padStart(9))).join('')
  return [
    { text: row(['took', 'per s', 'p50', 'p90', 'p99']), style: 'head' },
    ...latencies.map(({ name, perS, p50Ms, p90Ms, p99Ms }) => ({
      text: row([name, formatCount(Math.round(perS)), formatMs(p50Ms), formatMs(p90Ms), formatMs(p99Ms)]),
    })),
  ]
}

function hotLines({ hotKeys, group }: TopView): Line[] {
  const head: Line = {
    text: `${fit(`hot keys of ${printable(group ?? '–')}`, 30)}${'hits'.padStart(8)}`,
    style: 'head',
  }
  if (hotKeys.length === 0) return [head, { text: 'none lately' }]
  return [
    head,
    ...hotKeys.map(({ key, hits }) => ({
      text: `${fit(formatKey(key), 30)}${formatCount(Math.round(hits)).padStart(8)}`,
    })),
  ]
}

function ringLines({ members }: RingView): Line[] {
  return [
    { text: `${fit('node', 30)}${'share'.padStart(8)}`, style: 'head' },
    ...members.map(({ address, share, self }) => ({
      text: `${fit(self ? `${address} *` : address, 30)}${formatShare(share).padStart(8)}`,
    })),
  ]
}

/** Two lists of lines, the second to the right of the first. */
function beside(left: readonly Line[], right: readonly Line[]): Line[] {
  const width = Math.max(...left.map(({ text }) => text.length)) + GAP.length
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => ({
    text: `${(left[index]?.text ?? '').padEnd(width)}${right[index]?.text ?? ''}`.trimEnd(),
    ...(left[index]?.style === 'head' && { style: 'head' as const }),
  }))
}

/** How full the memory is, in ten steps. */
function meter({ bytes, maxBytes }: Pick<ShardRates, 'bytes' | 'maxBytes'>): string {
  const full = maxBytes === 0 ? 0 : Math.round((Math.min(bytes, maxBytes) / maxBytes) * 10)
  return `${'█'.repeat(full)}${'░'.repeat(10 - full)}`
}

function fit(text: string, width: number): string {
  return cutTo(text, width).padEnd(width)
}

function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** A name may hold anything, a terminal obeys some of it. */
function printable(name: string): string {
  return name.replace(/\p{C}/gu, '�')
}
