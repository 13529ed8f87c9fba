import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pinning } from './pinning.js'
import { ServerProcess } from './server-process.js'

const MAIN = fileURLToPath(new URL('../src/main/cli/main.js', import.meta.url))

/** The group that every server under measurement has. */
export const GROUP = 'bench'

/** What serves gRPC in a node. */
export type Engine = 'native' | 'grpc-js'

/** The values that all servers of a run serve: a JSON file, and a configuration with it as the origin of the group. */
export interface Values {
  readonly valuesFile: string
  readonly configFile: string
}

/** @param groups as a configuration file has them: more options of {@link GROUP}, other groups; `./values.json` has the values */
export function writeValues(
  folder: string,
  values: Readonly<Record<string, string>>,
  groups: Readonly<Record<string, object>> = {},
): Values {
  mkdirSync(folder, { recursive: true })
  const valuesFile = join(folder, 'values.json')
  const configFile = join(folder, 'bench.yaml')
  writeFileSync(valuesFile, JSON.stringify(values))
  const group = { maxBytes: '64MiB', origin: { json: './values.json' }, ...groups[GROUP] }
  writeFileSync(configFile, JSON.stringify({ groups: { ...groups, [GROUP]: group } }))
  return { valuesFile, configFile }
}

/** A node as `serve` runs it; only what `more` says differs from a user's. */
export function startBenchNode(
  engine: Engine,
  { configFile }: Values,
  pinning: Pinning,
  more: readonly string[] = ['--self', '127.0.0.1:0'],
): Promise<ServerProcess> {
  const flags = ['--config', configFile, '--grpc-engine', engine, '--log-level', 'error', ...more]
  return ServerProcess.start(pinning.server([process.execPath, MAIN, 'serve', ...flags]))
}
