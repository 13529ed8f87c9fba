import { release } from 'node:os'
import { RespCounter } from './resp-counters.js'
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
  Clients: ({ counters, limits, tracker }) => ({
    connected_clients: counters.get(RespCounter.connections),
    maxclients: limits.connectionsMax,
    tracking_clients: tracker.clientCount,
  }),
  Memory: ({ counters }, groups) => {
    const { rss, heapUsed } = process.memoryUsage()
    return {
      used_memory: heapUsed + sumOf(groups, 'bytes'),
      used_memory_rss: rss,
      maxmemory: sumOf(groups, 'max_bytes'),
      mem_clients_normal: counters.get(RespCounter.held_bytes),
    }
  },
  Persistence: () => ({ loading: 0, rdb_changes_since_last_save: 0, aof_enabled: 0 }),
  Stats: ({ counters, tracker }, groups) => ({
    total_connections_received: counters.get(RespCounter.connections_accepted),
    rejected_connections: counters.get(RespCounter.connections_refused),
    total_commands_processed:
      counters.get(RespCounter.commands_hit) +
      counters.get(RespCounter.commands_waited) +
      counters.get(RespCounter.commands_other) +
      counters.get(RespCounter.commands_failed),
    total_error_replies: counters.get(RespCounter.commands_failed),
    total_net_input_bytes: counters.get(RespCounter.received_bytes),
    total_net_output_bytes: counters.get(RespCounter.sent_bytes),
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
