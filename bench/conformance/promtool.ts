import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PROMTOOL } from '../tool.js'
import type { Check, Served } from './check.js'

const TIMEOUT_MS = 30_000
const CLI = fileURLToPath(new URL('../../src/main/cli/main.js', import.meta.url))

/** Prometheus' own parser and linter, on the metrics of a node. */
export const METRICS_CHECKS: readonly Check[] = [
  { client: 'promtool check metrics', tools: [PROMTOOL], run: runPromtool },
]

async function runPromtool({ address }: Served, [promtool]: readonly string[]): Promise<string> {
  const text = await run(process.execPath, [CLI, 'metrics', '--server', address], '')
  // What it finds wrong, it writes; what it finds unusual, too.
  const found = await run(promtool!, ['check', 'metrics'], text)
  if (found !== '') throw new Error(found.trim().split('\n').slice(0, 5).join('; '))
  return `${text.split('\n').filter((line) => line.startsWith('# TYPE')).length} metrics`
}

/** What a program writes; rejects with that when its exit code is not 0. */
function run(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout + stderr)
        else reject(new Error((stderr || stdout || error.message).trim().slice(0, 500)))
      },
    )
    child.stdin?.end(input)
  })
}
