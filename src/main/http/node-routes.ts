import { CacheError, groupNotFound } from '../../shared/errors.js'
import type { CounterSample, ExplainedGroup, NodeView } from '../node-view.js'
import { type HttpAnswer, type HttpRequest, jsonAnswer } from './exchange.js'
import { EXPLAIN, GROUPS, HOT_KEYS, PEERS, RING, STATS } from './node-operations.js'
import { percentDecode, percentDecodeText } from './percent.js'
import { queryOf } from './query.js'
import type { Route } from './route.js'
import type { SurfaceParts } from './surface-parts.js'

/** Hot keys that are told unless more are asked for, and most that can be. */
const HOT_KEYS_DEFAULT = 32
const HOT_KEYS_MAX = 4096

/** What a node tells about itself. */
export function nodeRoutes(parts: SurfaceParts): Route[] {
  const { node } = parts
  return [
    {
      method: 'GET',
      path: '/v1/groups',
      plane: 'both',
      operation: GROUPS,
      handle: async () => jsonAnswer({ groups: groupsOf(await node.counters()) }),
    },
    {
      method: 'GET',
      path: '/v1/stats',
      plane: 'control',
      operation: STATS,
      handle: async () =>
        jsonAnswer({
          self: node.self,
          uptimeMs: Math.round(process.uptime() * 1000),
          counters: [...(await node.counters())],
        }),
    },
    {
      method: 'GET',
      path: '/v1/ring',
      plane: 'control',
      operation: RING,
      handle: (request) => ring(node, request),
    },
    {
      method: 'GET',
      path: '/v1/peers',
      plane: 'control',
      operation: PEERS,
      handle: async () => jsonAnswer({ peers: [...(await node.peers())] }),
    },
    {
      method: 'GET',
      path: '/v1/groups/{group}/keys/{key}:explain',
      plane: 'control',
      operation: EXPLAIN,
      handle: (request) => explain(parts, request),
    },
    {
      method: 'GET',
      path: '/v1/hot-keys',
      plane: 'control',
      operation: HOT_KEYS,
      handle: (request) => hotKeys(parts, request),
    },
  ]
}

/** Sums over the shards of what the counters tell of each group. */
function groupsOf(samples: Iterable<CounterSample>): object[] {
  const groups = new Map<string, { name: string; entries: number; bytes: number; maxBytes: number }>()
  for (const { group, name, value } of samples) {
    if (group === '') continue
    const known = groups.get(group) ?? { name: group, entries: 0, bytes: 0, maxBytes: 0 }
    groups.set(group, known)
    if (name === 'entries') known.entries += value
    else if (name === 'bytes') known.bytes += value
    else if (name === 'max_bytes') known.maxBytes += value
  }
  return [...groups.values()]
}

async function ring(node: NodeView, { query }: HttpRequest): Promise<HttpAnswer> {
  const key = queryOf(query).get('key')
  const members = [...(await node.members())]
  const owners = key === undefined ? {} : { owners: [...(await node.owners(percentDecode(key, true)))] }
  return jsonAnswer({ members, ...owners })
}

async function explain({ node }: SurfaceParts, { parameters }: HttpRequest): Promise<HttpAnswer> {
  const name = percentDecodeText(parameters.group!)
  const key = percentDecode(parameters.key!)
  const facts = await explained(node, name).explain(key)
  return jsonAnswer({ group: name, key: base64(key), ...facts })
}

async function hotKeys({ node }: SurfaceParts, { query }: HttpRequest): Promise<HttpAnswer> {
  const values = queryOf(query)
  const countMax = values.has('count') ? Number(values.get('count')) : HOT_KEYS_DEFAULT
  if (!Number.isInteger(countMax) || countMax < 1 || countMax > HOT_KEYS_MAX) {
    throw new CacheError('INVALID_ARGUMENT', `count is a whole number from 1 to ${HOT_KEYS_MAX}`)
  }
  const group = values.get('group')
  const names =
    group === undefined
      ? new Set(Array.from(await node.counters(), (sample) => sample.group).filter((name) => name !== ''))
      : [percentDecodeText(group.replaceAll('+', '%20'))]
  const of = async (name: string) =>
    (await explained(node, name).hotKeys(countMax)).map(({ key, hits, hitsOverMax }) => ({
      group: name,
      key: base64(key),
      ...textOf(key),
      hits,
      hitsOverMax,
    }))
  const keys = (await Promise.all(Array.from(names, of))).flat().sort((a, b) => b.hits - a.hits)
  return jsonAnswer({ keys: keys.slice(0, countMax) })
}

function explained(node: NodeView, name: string): ExplainedGroup {
  const group = node.find(name)
  if (group !== undefined) return group
  throw groupNotFound(name, 'NOT_FOUND')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** The key as text, when it is one. */
function textOf(key: Uint8Array): { text?: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(key) }
  } catch {
    return {}
  }
}
