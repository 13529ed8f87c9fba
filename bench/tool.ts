import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A program that a run needs, and where it comes from. */
export interface Tool {
  readonly name: string
  /** Package of Debian and Ubuntu. */
  readonly apt?: string
  /** What `go install` takes, its version included. */
  readonly go?: string
  /** Tells whether a program of that name is the right one. Default: its being there. */
  readonly probe?: readonly string[]
  /** Where packages put it when that is not in everybody's PATH. */
  readonly folders?: readonly string[]
}

export const H2LOAD: Tool = { name: 'h2load', apt: 'nghttp2-client' }
export const NGHTTP: Tool = { name: 'nghttp', apt: 'nghttp2-client' }
export const WRK: Tool = { name: 'wrk', apt: 'wrk' }
export const GHZ: Tool = { name: 'ghz', go: 'github.com/bojand/ghz/cmd/ghz@v0.121.0' }
export const GRPCURL: Tool = { name: 'grpcurl', go: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3' }
export const H2SPEC: Tool = {
  name: 'h2spec',
  go: 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible',
}
/** gRPC's interop tests, the client's half. */
export const INTEROP_CLIENT: Tool = { name: 'client', go: 'google.golang.org/grpc/interop/client@v1.83.1' }
/** The Connect project's tests of gRPC, Connect and gRPC-Web. */
export const CONNECT_CONFORMANCE: Tool = {
  name: 'connectconformance',
  go: 'connectrpc.com/conformance/cmd/connectconformance@v1.0.5',
}
/** The compiler: what Debian has is too old for some of what is built with it. */
export const GO: Tool = { name: 'go', folders: ['/usr/local/go/bin'] }
export const CURL: Tool = { name: 'curl', apt: 'curl' }
export const PROMTOOL: Tool = { name: 'promtool', apt: 'prometheus' }
export const NGINX: Tool = { name: 'nginx', apt: 'nginx', folders: ['/usr/sbin'] }
export const HAPROXY: Tool = { name: 'haproxy', apt: 'haproxy', folders: ['/usr/sbin'] }
/** The system's Python: the one that Debian's package of grpcio is for. */
export const PYTHON_GRPC: Tool = {
  name: 'python3',
  apt: 'python3-grpcio',
  folders: ['/usr/bin'],
  probe: ['-c', 'import grpc'],
}
export const PYTHON_REDIS: Tool = {
  name: 'python3',
  apt: 'python3-redis',
  folders: ['/usr/bin'],
  probe: ['-c', 'import redis'],
}
export const REDIS: Tool = { name: 'redis-server', apt: 'redis-server' }
export const REDIS_BENCHMARK: Tool = { name: 'redis-benchmark', apt: 'redis-tools' }
export const REDIS_CLI: Tool = { name: 'redis-cli', apt: 'redis-tools' }
export const MEMCACHED: Tool = { name: 'memcached', apt: 'memcached' }

/** Built and installed programs are kept here from run to run. */
export const CACHE_FOLDER = join(tmpdir(), 'geek-cache-bench')
const BIN_FOLDER = join(CACHE_FOLDER, 'bin')
const INSTALL_TIMEOUT_MS = 300_000

/** Path of a program that is here already. */
export function findTool({ name, folders = [], probe }: Tool): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const programs = [...path, ...folders, BIN_FOLDER].map((folder) => join(folder, name)).filter(isExecutable)
  return programs.find((program) => probe === undefined || spawnSync(program, probe).status === 0)
}

/** Path of a program, installed now when that needs nobody's leave; undefined when it cannot be had. */
export function ensureTool(tool: Tool, progress: (line: string) => void): string | undefined {
  const found = findTool(tool)
  if (found !== undefined) return found
  progress(`installing ${tool.name}`)
  if (tool.go !== undefined && hasGo()) goInstall(tool.go)
  else if (tool.apt !== undefined && mayInstall()) aptInstall(tool.apt)
  return findTool(tool)
}

/** What to do where a tool is missing, in one line. */
export function adviceFor({ name, apt, go }: Tool): string {
  const ways = [apt && `apt-get install ${apt}`, go && `go install ${go}`, 'put it into PATH']
  return `${name} is not here: ${ways.filter((way) => way !== undefined).join(', or ')}`
}

export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0
}

/** True when packages of the system can be installed without asking anyone. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
}

/** True when it went well; services in the package are not started. */
export function aptInstall(name: string): boolean {
  // Debian's way to keep a package from starting its service.
  const policyFile = '/usr/sbin/policy-rc.d'
  const forbidsStart = !existsSync(policyFile)
  if (forbidsStart) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const steps = [['update'], ['install', '-y', '--no-install-recommends', name]]
    return steps.every((args) => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
      const options = { stdio: 'ignore', env, timeout: INSTALL_TIMEOUT_MS } as const
      return spawnSync('apt-get', ['-qq', ...args], options).status === 0
    })
  } finally {
    if (forbidsStart) rmSync(policyFile)
  }
}

function goInstall(module: string): void {
  mkdirSync(BIN_FOLDER, { recursive: true })
  const env = { ...process.env, GOBIN: BIN_FOLDER }
  spawnSync('go', ['install', module], { stdio: 'ignore', env, timeout: INSTALL_TIMEOUT_MS })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
