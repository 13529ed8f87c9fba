import { release } from 'node:os'
import { REDIS_VERSION } from './server-version.js'
import type { RespContext } from './session.js'

type Fields = Readonly<Record<string, string | number>>

/** Counters of all groups, summed over their shards. */
type GroupSums = ReadonlyMap<string, ReadonlyMap<string, number>>

const SECTIONS: Readonly<Record<string, (context: RespContext, groups: GroupSums) => Fields>> = {
  Server: (context) => ({
    redis_version: REDIS_VERSION,
    redis_mode: 'standalone',
    server_name: 'geek-cache',
    geek_cache_version: context.version,
    os: `${process.platform} ${release()} ${process.arch}`,
    process_id: process.pid,
    tcp_port: context.address.slice(context.address.lastIndexOf(':') + 1),
    node_address: context.node.self,
    uptime_in_seconds: Math.floor((Date.now() - context.startedAtMs) / 1000),
  }),
  Clients: ({ metrics, limits, tracker }) => ({
    connected_clients: metrics.get('connections_open'),
    maxclients: limits.connectionsMax,
    tracking_clients: tracker.clientCount,
  }),
  Memory: ({ metrics }, groups) => {
    const { rss, heapUsed } = process.memoryUsage()
    return {
      used_memory: heapUsed + sumOf(groups, 'bytes'),
      used_memory_rss: rss,
      maxmemory: sumOf(groups, 'max_bytes'),
      mem_clients_normal: metrics.heldBytes,
    }
  },
  Persistence: () => ({ loading: 0, rdb_changes_since_last_save: 0, aof_enabled: 0 }),
  Stats: ({ metrics, tracker }, groups) => ({
    total_connections_received: metrics.get('connections'),
    rejected_connections: metrics.get('connections_refused'),
    total_commands_processed: metrics.requests().all,
    total_error_replies: metrics.requests().failed,
    total_net_input_bytes: metrics.get('received'),
    total_net_output_bytes: metrics.get('sent'),
    keyspace_hits: sumOf(groups, 'hits'),
    keyspace_misses: sumOf(groups, 'misses'),
    expired_keys: sumOf(groups, 'expirations'),
    evicted_keys: sumOf(groups, 'evictions'),
    tracking_total_keys: tracker.trackedCount,
  }),
  Replication: () => ({ role: 'master', connected_slaves: 0 }),
  CPU: () => {
    const { user, system } = process.cpuUsage()
    return { used_cpu_sys: (system / 1e6).toFixed(6), used_cpu_user: (user / 1e6).toFixed(6) }
  },
  Cluster: () => ({ cluster_enabled: 0 }),
  Groups: (_context, groups) =>
    Object.fromEntries(
      [...groups].map(([group, counters]) => [
        `group_${group}`,
        ['entries', 'bytes', 'max_bytes', 'gets', 'hits']
          .map((name) => `${name}=${counters.get(name) ?? 0}`)
          .join(','),
      ]),
    ),
  Keyspace: (_context, groups) => ({ db0: `keys=${sumOf(groups, 'entries')},expires=0,avg_ttl=0` }),
}

/** Names that stand for all sections. */
const ALL = ['all', 'default', 'everything']

/** The text of INFO; of the sections that are named, or of all. */
export async function infoText(context: RespContext, names: readonly string[]): Promise<string> {
  const groups = await sumGroups(context)
  const wantsAll = names.length === 0 || names.some((name) => ALL.includes(name))
  return Object.entries(SECTIONS)
    .filter(([section]) => wantsAll || names.includes(section.toLowerCase()))
    .map(([section, fieldsOf]) => {
      const lines = Object.entries(fieldsOf(context, groups)).map(([field, value]) => `${field}:${value}\r\n`)
      return `# ${section}\r\n${lines.join('')}`
    })
    .join('\r\n')
}

async function sumGroups({ node }: RespContext): Promise<GroupSums> {
  const groups = new Map<string, Map<string, number>>()
  for (const { group, name, value } of await node.counters()) {
    if (group === '') continue
    const counters = groups.get(group) ?? new Map<string, number>()
    groups.set(group, counters.set(name, (counters.get(name) ?? 0) + value))
  }
  return groups
}

function sumOf(groups: GroupSums, name: string): number {
  let sum = 0
  for (const counters of groups.values()) sum += counters.get(name) ?? 0
  return sum
}
