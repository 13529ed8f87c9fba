// Finds an etcd for the cluster tests and the demo, and installs one where that needs nobody's leave: as root with apt-get.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const advice = `The cluster tests and the demo need etcd 3.4 or newer, and there is none. Do one of these:
  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y etcd-server
  macOS:           brew install etcd
  anywhere:        unpack a release of https://github.com/etcd-io/etcd/releases and put its folder into PATH,
                   or set ETCD_BIN to the path of its "etcd"
`

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function findInPath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, 'etcd')).find(isExecutable)
}

/** True when every step went well. Output goes to stderr, so that a caller's stdout stays its own. */
function install() {
  process.stderr.write('Installing etcd …\n')
  // Debian's way to keep a package from starting its service: tests start their own etcd on a free port.
  const policyFile = '/usr/sbin/policy-rc.d'
  const forbidsStart = !existsSync(policyFile)
  if (forbidsStart) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const steps = [['update'], ['install', '-y', '--no-install-recommends', 'etcd-server']]
    return steps.every(
      (args) => spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 2, 2], env }).status === 0,
    )
  } finally {
    if (forbidsStart) rmSync(policyFile)
  }
}

function fail(why) {
  process.stderr.write(`${why}\n${advice}`)
  process.exit(1)
}

/** Path of an etcd binary: ETCD_BIN, else of PATH, else installed now. Where there is no way, says what to do and exits. */
export function ensureEtcd() {
  const named = process.env.ETCD_BIN
  if (named) return isExecutable(named) ? named : fail(`ETCD_BIN is ${named}, which is no executable file.`)
  const found = findInPath()
  if (found !== undefined) return found
  const mayInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  if (!mayInstall) return fail('')
  if (!install()) return fail('Installing etcd with apt-get failed.')
  return findInPath() ?? fail('apt-get installed etcd-server, but there is no etcd in PATH.')
}
