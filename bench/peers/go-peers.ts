import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE_FOLDER, hasGo } from '../tool.js'

const SOURCES = fileURLToPath(new URL('../../../bench/peers/go', import.meta.url))
const BUILD_TIMEOUT_MS = 300_000

/** Paths of the servers in bench/peers/go; or why there are none. */
export type GoPeers =
  | { readonly grpcServer: string; readonly groupcache: string }
  | { readonly missing: string }

/** Builds them, which takes a minute the first time. */
export function buildGoPeers(progress: (line: string) => void): GoPeers {
  if (!hasGo()) return { missing: 'go is not on PATH: no grpc-go, no groupcache' }
  progress('building the Go servers')
  const folder = join(CACHE_FOLDER, 'go')
  mkdirSync(folder, { recursive: true })
  const { status, stderr } = spawnSync('go', ['build', '-o', `${folder}/`, './grpc-server', './groupcache'], {
    cwd: SOURCES,
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
  })
  if (status !== 0) {
    const reason = stderr.trim().split('\n').at(-1) ?? 'timed out'
    return { missing: `the Go servers could not be built (${reason}): no grpc-go, no groupcache` }
  }
  return { grpcServer: join(folder, 'grpc-server'), groupcache: join(folder, 'groupcache') }
}
