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
  progress('building the Go servers')
  const [grpcServer, groupcache] = ['grpc-server', 'groupcache'].map(buildGoProgram)
  if (typeof grpcServer !== 'string') return grpcServer!
  return typeof groupcache === 'string' ? { grpcServer, groupcache } : groupcache!
}

/** Path of one of the programs in bench/peers/go; or why there is none. */
export function buildGoProgram(name: string): string | { readonly missing: string } {
  if (!hasGo()) return { missing: `go is not on PATH: no ${name}` }
  const folder = join(CACHE_FOLDER, 'go')
  mkdirSync(folder, { recursive: true })
  const { status, stderr } = spawnSync('go', ['build', '-o', `${folder}/`, `./${name}`], {
    cwd: SOURCES,
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
  })
  if (status === 0) return join(folder, name)
  return { missing: `${name} could not be built: ${stderr.trim().split('\n').at(-1) ?? 'timed out'}` }
}
