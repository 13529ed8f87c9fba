import type {
  CacheClient,
  HotKeySample,
  LinkState,
  LiveRing,
  PeerSample,
  StatsView,
} from '../client/index.js'
import { formatBytes, formatCount, formatKey, formatMs, formatShare } from '../live/format.js'
import { type GroupRates, type NodeRates, RateMeter, type ShardRates } from '../live/rate-meter.js'
import { DataTable, type Meter } from './data-table.js'
import { element, seriesColour, setText } from './elements.js'
import { KeyLookup } from './key-lookup.js'
import { RingPicture } from './ring-picture.js'
import { TimeChart } from './time-chart.js'

const STATS_EVERY_MS = 1000
/** The ring and the hot keys are asked for with every so many statistics. */
const ASK_EVERY = 5
const HOT_KEYS = 10
/** Lines of a chart: as many as there are colours. */
const LINES_MAX = 6

const STATES: Readonly<Record<LinkState, string>> = {
  connecting: 'Connecting',
  open: 'Live',
  waiting: 'Connection lost',
  closed: 'Closed',
}

/** The page: what the node tells goes in, what people see comes out. */
export class Dashboard {
  readonly #client: CacheClient
  readonly #meter = new RateMeter()
  readonly #groups = new DataTable(element('table-groups'))
  readonly #shards = new DataTable(element('table-shards'))
  readonly #hot = new DataTable(element('table-hot'))
  readonly #latency = new DataTable(element('table-latency'))
  readonly #members = new DataTable(element('table-ring'))
  readonly #ring = new RingPicture(element<SVGElement>('ring'))
  readonly #lookup: KeyLookup
  readonly #charts = {
    calls: new TimeChart({
      at: element('chart-calls'),
      legend: element('legend-calls'),
      label: 'Calls per second',
      format: formatCount,
    }),
    hits: new TimeChart({
      at: element('chart-hits'),
      label: 'Hit ratio',
      format: (value) => `${Math.round(value * 100)} %`,
      max: 1,
    }),
    latency: new TimeChart({
      at: element('chart-latency'),
      legend: element('legend-latency'),
      label: '99th percentile of latency',
      format: formatMs,
    }),
  }
  #rates: NodeRates | undefined
  #chosen: string | undefined
  #key: Uint8Array | undefined
  #ringView: LiveRing = { members: [], owners: [], peers: [] }
  #looks = 0
  #wasOpen = false

  constructor(connected: (onState: (state: LinkState) => void) => CacheClient) {
    const client = connected((state) => this.#showState(state))
    this.#client = client
    this.#lookup = new KeyLookup(client, (key) => {
      this.#key = key
      this.#showRing()
    })
    client.watchStats((stats) => this.#take(stats), {
      everyMs: STATS_EVERY_MS,
      onError: ({ code, message }) => this.#tell(`The node refuses: ${code}: ${message}`),
    })
  }

  #showState(state: LinkState): void {
    element('status').dataset.state = state
    setText(element('status-text'), STATES[state])
    document.querySelector('main')!.classList.toggle('stale', state !== 'open')
    if (state === 'open') {
      this.#wasOpen = true
      this.#tell(undefined)
    } else if (state === 'waiting') {
      this.#tell(
        this.#wasOpen
          ? 'The connection to the node is lost. What you see is from before; trying again.'
          : 'The node cannot be reached. Trying again.',
      )
    }
  }

  /** Draws what has colours of its own in those of the theme. */
  redraw(): void {
    for (const chart of Object.values(this.#charts)) chart.redraw()
  }

  #tell(what: string | undefined): void {
    const banner = element('banner')
    banner.hidden = what === undefined
    setText(banner, what ?? '')
  }

  #take({ atMs, counters }: StatsView): void {
    const rates = this.#meter.take(atMs, counters)
    if (this.#looks++ % ASK_EVERY === 0 || this.#rates === undefined) void this.#ask()
    if (rates === undefined) return
    this.#rates = rates
    setText(element('uptime'), `The thread that answers has served for ${formatMs(atMs)}.`)
    const names = rates.groups.map(({ name }) => name)
    if (this.#chosen === undefined || !names.includes(this.#chosen)) this.#chosen = names[0]
    this.#lookup.setGroups(names)
    this.#showTiles(rates.total)
    this.#showCharts(rates)
    this.#showGroups()
    this.#showLatency(rates)
  }

  async #ask(): Promise<void> {
    const options = { deadlineMs: 5000 }
    const group = this.#chosen
    try {
      const [ring, keys] = await Promise.all([
        this.#client.ring('', options),
        group === undefined ? [] : this.#client.group(group).hotKeys(HOT_KEYS, options),
      ])
      this.#ringView = ring
      this.#showRing()
      if (group === this.#chosen) this.#showHot(group, keys)
    } catch {
      // The connection says what is wrong; the next look asks again.
    }
    if (this.#rates !== undefined) document.querySelector('main')!.classList.remove('waiting')
  }

  #showTiles({ getsPerS, hitRatio, loadsPerS, evictionsPerS, bytes, maxBytes, entries }: GroupRates): void {
    setText(element('tile-calls'), formatCount(rounded(getsPerS)))
    setText(element('tile-hits'), formatShare(hitRatio))
    setText(element('tile-loads'), formatCount(rounded(loadsPerS)))
    setText(element('tile-evictions'), formatCount(rounded(evictionsPerS)))
    setText(element('tile-memory'), formatBytes(bytes))
    element('tile-memory').title = `of ${formatBytes(maxBytes)}`
    setText(element('tile-entries'), formatCount(entries))
  }

  #showCharts({ groups, latencies }: NodeRates): void {
    const nowS = Date.now() / 1000
    const shown = groups.slice(0, LINES_MAX)
    this.#charts.calls.add(nowS, new Map(shown.map(({ name, getsPerS }) => [name, getsPerS])))
    this.#charts.hits.add(nowS, new Map(shown.map(({ name, hitRatio }) => [name, hitRatio])))
    const timed = latencies.slice(0, LINES_MAX)
    this.#charts.latency.add(nowS, new Map(timed.map(({ name, p99Ms }) => [name, p99Ms])))
  }

  #showGroups(): void {
    const groups = this.#rates?.groups ?? []
    element('groups-empty').hidden = groups.length > 0
    this.#groups.show(
      groups.map((group) => ({
        key: group.name,
        isCurrent: group.name === this.#chosen,
        cells: [
          { text: group.name, onPick: () => this.#choose(group.name) },
          formatCount(rounded(group.getsPerS)),
          formatShare(group.hitRatio),
          formatCount(rounded(group.loadsPerS)),
          formatCount(rounded(group.peerGetsPerS)),
          formatCount(rounded(group.loadErrorsPerS)),
          formatCount(rounded(group.evictionsPerS)),
          formatCount(group.entries),
          { text: '', meter: memoryOf(group) },
        ],
      })),
    )
    for (const at of document.querySelectorAll('.group-name')) setText(at, this.#chosen ?? '–')
    const chosen = groups.find(({ name }) => name === this.#chosen)
    this.#shards.show(
      (chosen?.shards ?? []).map((shard) => ({
        key: String(shard.shard),
        cells: [
          String(shard.shard),
          formatCount(rounded(shard.getsPerS)),
          formatShare(shard.hitRatio),
          formatCount(shard.entries),
          { text: '', meter: memoryOf(shard) },
        ],
      })),
    )
  }

  #choose(name: string): void {
    this.#chosen = name
    this.#lookup.choose(name)
    this.#showGroups()
    void this.#ask()
  }

  #showHot(group: string | undefined, keys: readonly HotKeySample[]): void {
    element('hot-empty').hidden = keys.length > 0
    this.#hot.show(
      keys.map(({ key, hits }) => {
        const text = formatKey(key)
        const pick = group !== undefined && !text.startsWith('0x')
        return {
          key: text,
          cells: [
            pick ? { text, onPick: () => this.#lookup.choose(group, text) } : { text, isKey: true },
            formatCount(Math.round(hits)),
          ],
        }
      }),
    )
  }

  #showLatency({ latencies }: NodeRates): void {
    this.#latency.show(
      latencies.map(({ name, perS, p50Ms, p90Ms, p99Ms }) => ({
        key: name,
        cells: [name, formatCount(rounded(perS)), formatMs(p50Ms), formatMs(p90Ms), formatMs(p99Ms)],
      })),
    )
  }

  #showRing(): void {
    const { members, peers } = this.#ringView
    const self = members.find((member) => member.self)
    if (self !== undefined) {
      setText(element('node'), self.address)
      document.title = `${self.address} · geek-cache`
    }
    this.#ring.show(members, this.#key)
    this.#members.show(
      members.map(({ address, share, self }, index) => ({
        key: address,
        cells: [
          { text: address, swatch: seriesColour(index) },
          formatShare(share),
          ...(self ? ['this node', '', ''] : peerCells(peers.find((peer) => peer.address === address))),
        ],
      })),
    )
  }
}

/** State, calls that brought no answer, and time of a call. A peer that was never asked is not connected to. */
function peerCells(peer: PeerSample | undefined): string[] {
  if (peer === undefined) return ['in the ring', '', '']
  const { state, calls, errors, latencyMs } = peer
  const text = state === 'connected' ? 'connected' : calls === 0 ? 'not asked yet' : 'not connected'
  return [text, formatCount(errors), formatMs(latencyMs)]
}

function memoryOf({ bytes, maxBytes }: Pick<ShardRates, 'bytes' | 'maxBytes'>): Meter {
  return {
    part: maxBytes === 0 ? 0 : bytes / maxBytes,
    text: `${formatBytes(bytes)} of ${formatBytes(maxBytes)}`,
  }
}

/** Rates of a few per second keep a digit; others are whole. */
function rounded(perS: number): number {
  return perS < 10 ? Math.round(perS * 10) / 10 : Math.round(perS)
}
