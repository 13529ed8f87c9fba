// Installs the packages and compiles to dist/, each only when it is needed. Runs before start, test, check, demo and
// bench, on a fresh clone too: so it may use nothing but Node itself.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const force = process.argv.includes('--force')
const stamp = join(root, 'dist/.built')
const installed = join(root, 'node_modules/.package-lock.json')

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

/** The newest change below a folder; a folder's own time tells of files removed from it. */
function newestMs(folder) {
  let newest = modifiedMs(folder)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : modifiedMs(path))
  }
  return newest
}

function run(what, command, args) {
  process.stderr.write(`${what} …\n`)
  // Output goes to stderr: what the command prints afterwards stays clean on stdout.
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  process.stderr.write(`${what} failed: "${command} ${args.join(' ')}" exited with ${status}\n`)
  process.exit(1)
}

/** What the page is made of beside its code, and the library that it draws charts with, with its licence. */
function copyDashboard() {
  const [from, to] = ['src/dashboard', 'dist/src/dashboard'].map((folder) => join(root, folder))
  for (const file of ['index.html', 'style.css', 'icon.svg']) cpSync(join(from, file), join(to, file))
  const library = join(root, 'node_modules/uplot')
  cpSync(join(library, 'dist/uPlot.esm.js'), join(to, 'vendor/uplot.js'))
  cpSync(join(library, 'dist/uPlot.min.css'), join(to, 'vendor/uplot.css'))
  cpSync(join(library, 'LICENSE'), join(to, 'vendor/uplot.LICENSE'))
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  process.stderr.write(`geek-cache needs Node 20 or newer; this is ${process.version}\n`)
  process.exit(1)
}

if (modifiedMs(installed) < modifiedMs(join(root, 'package-lock.json'))) {
  // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms. The lock file holds all the same.
  run('Installing packages', 'npm', ['install', '--no-save', '--loglevel=error'])
}

const inputs = ['package-lock.json', 'tsconfig.json'].map((file) => modifiedMs(join(root, file)))
const sources = ['src', 'bench', 'test'].map((folder) => newestMs(join(root, folder)))
if (force || modifiedMs(stamp) < Math.max(...inputs, ...sources)) {
  // From empty: a test or module that was renamed must not live on in dist/.
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const startedMs = Date.now()
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  run('Compiling', process.execPath, [compiler, '-p', root])
  run('Compiling the dashboard', process.execPath, [compiler, '-p', join(root, 'src/dashboard')])
  copyDashboard()
  writeFileSync(stamp, '')
  process.stderr.write(`Compiled in ${Date.now() - startedMs} ms\n`)
}
