// Runs every test of dist/test, or those named: npm test -- dist/test/shared. Gets etcd first, for the cluster tests.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function testsBelow(path) {
  if (path.endsWith('.test.js')) return [path]
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(path, name))
    .sort()
}

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const tests = (named.length > 0 ? named : ['dist/test']).flatMap((path) => testsBelow(join(root, path)))

// In the environment, so that the processes and threads that tests start have it too.
const preload = pathToFileURL(join(root, 'dist/test/support/poisoned-reads.js'))
const nodeOptions = [process.env.NODE_OPTIONS, `--import=${preload}`].filter(Boolean).join(' ')

const ensureEtcd = join(root, 'scripts/ensure-etcd.mjs')
let env = { ...process.env, NODE_OPTIONS: nodeOptions }
if (existsSync(ensureEtcd)) {
  const { ensureEtcd: ensure } = await import(ensureEtcd)
  env = { ...env, ETCD_BIN: ensure() }
}

const { status } = spawnSync(process.execPath, ['--test', '--test-timeout=120000', ...flags, ...tests], {
  cwd: root,
  stdio: 'inherit',
  env,
})
process.exit(status ?? 1)
