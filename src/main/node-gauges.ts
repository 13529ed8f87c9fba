import type { NodeCounterRow } from '../shared/node-counters.js'
import { REGISTRY_STATES } from '../shared/node-metrics.js'
import type { RegistryStatus } from './cluster/registry.js'

/** Tells in the main thread's row what is true of the process and of the membership, for those who are about to read it. */
export function tellGauges(row: NodeCounterRow, members: number, registry: RegistryStatus | undefined): void {
  const { user, system } = process.cpuUsage()
  row.set('process_resident_memory', process.memoryUsage.rss())
  row.set('process_cpu', user / 1e6, ['user'])
  row.set('process_cpu', system / 1e6, ['system'])
  row.set('process_uptime', process.uptime())
  row.set('ring_members', members)
  for (const state of REGISTRY_STATES) row.set('registry_state', registry?.state === state ? 1 : 0, [state])
  row.set('registry_registrations', registry?.registrations ?? 0)
  row.set('registry_connection_failures', registry?.connectionFailures ?? 0)
}
