import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONNECT_CONFORMANCE, GO } from '../tool.js'
import { type Check, type Served, sourceText } from './check.js'
import { run } from './run.js'

const SERVER = fileURLToPath(new URL('./connect-server.js', import.meta.url))
const NAMED_MAX = 5

/** The gRPC half of Connect's conformance tests: its runner starts the servers that it needs, on the engine. */
export const CONNECT_CHECK: Check = {
  client: "Connect's conformance tests",
  tools: [CONNECT_CONFORMANCE, GO],
  run: runConnect,
}

async function runConnect({ folder }: Served, [runner, go]: readonly string[]): Promise<string> {
  const config = join(folder, 'connect-config.yaml')
  writeFileSync(config, sourceText('connect-config.yaml'))
  const server = [process.execPath, SERVER, await protoFolder(go!)]
  const { code, stdout, stderr } = await run(runner!, ['--conf', config, '--mode', 'server', '--', ...server])
  const counts = /Total cases: (\d+)\n(\d+) passed, (\d+) failed/.exec(stdout)
  if (counts === null) throw new Error((stderr || stdout).trim().slice(-300))
  const failed = [...stdout.matchAll(/^FAILED: (.+):$/gm)].map(([, name]) => name!)
  if (code !== 0 || failed.length > 0)
    throw new Error(`${counts[0]}: ${failed.slice(0, NAMED_MAX).join('; ')}`)
  return `${counts[1]} tests: all kinds of calls, plain and TLS, three encodings, client certificates`
}

/** Where the module has its definitions. Go keeps the sources of what it has installed, or fetches them again. */
async function protoFolder(go: string): Promise<string> {
  const [module] = CONNECT_CONFORMANCE.go!.split('/cmd/')
  const version = CONNECT_CONFORMANCE.go!.split('@')[1]
  const { code, stdout, stderr } = await run(go, ['mod', 'download', '-json', `${module}@${version}`])
  if (code !== 0) throw new Error(stderr.trim())
  return join((JSON.parse(stdout) as { readonly Dir: string }).Dir, 'proto')
}
