import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { buildGoProgram } from '../peers/go-peers.js'
import type { Check, Served } from './check.js'

const TIMEOUT_MS = 30_000

/** golang/groupcache's own HTTP client, with the node as its peer: protobuf over `/_groupcache/`. */
export const GROUPCACHE_CHECK: Check = {
  client: 'golang/groupcache HTTPPool',
  tools: [],
  builds: () => buildGoProgram('groupcache-client'),
  run: runGroupcache,
}

async function runGroupcache(
  { httpAddress, group, valuesFile }: Served,
  [client]: readonly string[],
): Promise<string> {
  const flags = ['-peer', `http://${httpAddress}`, '-group', group, '-values', valuesFile]
  const { stdout } = await promisify(execFile)(client!, flags, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
  return stdout.trim()
}
