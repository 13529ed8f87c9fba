import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js'
import { startNode } from '../node.js'
import type { Command } from './command.js'
import { configCommand } from './config.js'
import { deleteCommand } from './delete.js'
import { explainCommand } from './explain.js'
import { getCommand } from './get.js'
import { hotCommand } from './hot.js'
import { metricsCommand } from './metrics.js'
import { ringCommand } from './ring.js'
import { oneLine, run } from './run.js'
import { serveCommand } from './serve.js'
import { statsCommand } from './stats.js'
import { topCommand } from './top.js'

const COMMANDS: readonly Command[] = [
  serveCommand(startNode),
  getCommand,
  deleteCommand,
  statsCommand,
  metricsCommand,
  ringCommand,
  explainCommand,
  hotCommand,
  topCommand,
  configCommand,
]

function onFault(thrown: unknown): never {
  const { stack } = thrown instanceof Error ? thrown : new Error(String(thrown))
  process.stderr.write(
    `geek-cache: Unexpected error, please report it: ${oneLine(stack ?? String(thrown))}\n`,
  )
  process.exit(1)
}

// What it has to say comes as the error of a call, too, and in one line.
setLogVerbosity(logVerbosity.NONE)

process.on('uncaughtException', onFault)
process.on('unhandledRejection', onFault)
// A reader such as `head` that goes away is no fault.
process.stdout.on('error', () => process.exit(0))

const { env: environment, stdout, stderr } = process
const exitCode = await run(COMMANDS, process.argv.slice(2), { environment, stdout, stderr })
// Behind everything that was written before: a pipe may still be full.
stdout.write('', () => process.exit(exitCode))
