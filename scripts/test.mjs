// Runs every test, or those named: npm test -- test/shared. Gets etcd first, for the cluster tests.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findTests } from './find-tests.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
let tests
try {
  tests = findTests(root, named.length > 0 ? named : ['test'])
} catch (error) {
  process.stderr.write(`npm test: ${error.message}\n`)
  process.exit(1)
}

// In the environment, so that the processes and threads that tests start have it too.
const preload = pathToFileURL(join(root, 'dist/test/support/poisoned-reads.js'))
const nodeOptions = [process.env.NODE_OPTIONS, `--import=${preload}`].filter(Boolean).join(' ')

const ensureEtcd = join(root, 'scripts/ensure-etcd.mjs')
let env = { ...process.env, NODE_OPTIONS: nodeOptions }
if (existsSync(ensureEtcd)) {
  const { ensureEtcd: ensure } = await import(ensureEtcd)
  env = { ...env, ETCD_BIN: ensure() }
}

// Tests wait more than they work: Node would keep a core free.
const concurrency = `--test-concurrency=${Math.max(2, availableParallelism())}`
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-timeout=120000', concurrency, ...flags, ...tests],
  {
    cwd: root,
    stdio: 'inherit',
    env,
  },
)
process.exit(status ?? 1)
