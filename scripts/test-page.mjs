// Runs the tests of the dashboard in Chromium: CHROMIUM_BIN, else the one in PATH, else installed now with apt-get as root.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const advice = `The tests of the dashboard need Chromium, and there is none. Do one of these:
  Debian:    sudo apt-get update && sudo apt-get install -y chromium
  anywhere:  set CHROMIUM_BIN to the path of a Chromium or Chrome
`

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function findChromium() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

function install() {
  process.stderr.write('Installing Chromium …\n')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const steps = [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]
  return steps.every(
    (args) => spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 2, 2], env }).status === 0,
  )
}

function ensureChromium() {
  const named = process.env.CHROMIUM_BIN
  if (named) return isExecutable(named) ? named : undefined
  const mayInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  return findChromium() ?? (mayInstall && install() ? findChromium() : undefined)
}

const chromium = ensureChromium()
if (chromium === undefined) {
  process.stderr.write(advice)
  process.exit(1)
}
const suite = join(root, 'dist/test/page/page-suite.js')
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const { status } = spawnSync(process.execPath, ['--test', '--test-timeout=400000', ...flags, suite], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, CHROMIUM_BIN: chromium },
})
process.exit(status ?? 1)
