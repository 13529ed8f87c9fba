import type { Logger } from 'pino'
import { CacheError } from '../../shared/errors.js'
import { type Config, loadConfig, NODE_OPTIONS, nodeOptionsOf } from '../config.js'
import { groupOptionsOf } from '../group-config.js'
import { createLog } from '../log.js'
import type { NodeOptions } from '../node-options.js'
import type { Command, Terminal } from './command.js'
import { oneLine } from './run.js'

/** What `serve` needs of a node. */
export interface ServedNode {
  /** The address that is listened on, its port filled in. */
  readonly self: string
  /** The other addresses that are listened on, by protocol. */
  readonly addresses: Readonly<Record<string, string>>
  /** Graceful, and bounded in time. */
  close(): Promise<void>
}

export type StartNode = (options: NodeOptions) => Promise<ServedNode>

/** A node that was asked to stop and has not, so long after its drain and snapshot times, is given up. */
const CLOSE_MARGIN_MS = 5000
const EXIT_START_FAILED = 1
/** What shells report for a process that a signal has ended: 128 and the number of the signal. */
const EXIT_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

/** The command that runs a node, given the way to start one. */
export function serveCommand(startNode: StartNode): Command {
  return {
    name: 'serve',
    summary: 'Run a node',
    description: [
      'Without --etcd and --peers it is a single node. A flag wins over its environment variable, and that over the file.',
      'Groups, with their sizes and the sources of their values, are in the configuration file: see examples/scores.yaml.',
      'SIGTERM and SIGINT end it gracefully: it leaves the ring, waits for calls in flight up to --drain, writes snapshots if there is a --snapshot directory, exits with code 0. A second signal ends it at once. Exit code 1: it could not start; 2: the configuration is wrong.',
    ],
    arguments: [],
    options: NODE_OPTIONS,
    examples: [
      ['geek-cache serve --config examples/scores.yaml', 'a single node with the group "scores"'],
      [
        'geek-cache serve --config examples/cluster.yaml --self 127.0.0.1:8002 --etcd 127.0.0.1:2379',
        'one of several nodes that find each other by etcd',
      ],
      [
        'geek-cache serve --config scores.yaml --peers 10.0.0.1:8001,10.0.0.2:8001 --self 10.0.0.1:8001',
        'one of a fixed list of nodes',
      ],
    ],
    async run({ flags, terminal }) {
      const config = loadConfig(flags, terminal.environment)
      return serve(startNode, config, createLog(config.values.logLevel), terminal)
    },
  }
}

async function serve(startNode: StartNode, config: Config, log: Logger, terminal: Terminal): Promise<number> {
  // Heard from the first moment on: a signal during the start is served as soon as there is something to close.
  const stop = listenForSignals()
  let node: ServedNode
  try {
    const groups = Object.fromEntries(config.groups.map((group) => [group.name, groupOptionsOf(group)]))
    node = await startNode({ ...nodeOptionsOf(config), groups, log })
  } catch (thrown) {
    log.debug({ err: thrown }, 'The node could not start')
    terminal.stderr.write(`geek-cache: ${failureLine(thrown)}\n`)
    return EXIT_START_FAILED
  }
  terminal.stdout.write(`${readyText(node, config)}\n`)

  const signal = await stop
  log.info({ signal, drainMs: config.values.drain }, 'Closing')
  const { drain, snapshot, snapshotTimeout } = config.values
  const snapshotMs = snapshot === undefined ? 0 : snapshotTimeout
  const inTime = await withinMs(node.close(), drain + snapshotMs + CLOSE_MARGIN_MS)
  if (!inTime) terminal.stderr.write('geek-cache: The node did not close in time and was given up\n')
  return inTime ? 0 : EXIT_START_FAILED
}

function readyText({ self, addresses }: ServedNode, { groups }: Config): string {
  const names = groups.map(({ name }) => name).join(', ')
  const all = Object.entries({ gRPC: self, ...addresses }).map(
    ([protocol, where]) => `${where} (${protocol})`,
  )
  return `geek-cache listens on ${all.join(', ')}; ${names === '' ? 'no groups: they come from --config FILE' : `groups: ${names}`}`
}

/** Resolves with the first signal to stop; a second one ends the process on the spot. */
function listenForSignals(): Promise<keyof typeof EXIT_OF_SIGNAL> {
  return new Promise((resolve) => {
    let stopping = false
    const onSignal = (signal: keyof typeof EXIT_OF_SIGNAL) => {
      if (stopping) process.exit(EXIT_OF_SIGNAL[signal])
      stopping = true
      resolve(signal)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}

/** False when the promise takes longer. */
function withinMs(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), timeoutMs)
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer))
  })
}

/** Why a node could not start, in one line: system errors say more than what wraps them. */
export function failureLine(thrown: unknown): string {
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
    const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
    const where = address === undefined ? 'The address' : `${address}:${port}`
    if (code === 'EADDRINUSE') return `${where} is in use by another process: choose another address`
    if (code === 'EADDRNOTAVAIL') return `${where} is no address of this machine: choose another address`
    if (code === 'EACCES') return `Not allowed to listen on ${where}: choose another address`
  }
  const error = CacheError.from(thrown)
  return oneLine(error.message)
}
