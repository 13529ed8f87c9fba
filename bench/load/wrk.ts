import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pinning } from '../pinning.js'
import type { LoadResult } from './load.js'
import { runProgram } from './run-program.js'

/** How finely wrk tells its latencies: enough for the 99.9th percentile. */
const PERCENTILES = 2000

const SCRIPT = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write("RESULT ", summary.requests, " ", e.connect + e.read + e.write + e.status + e.timeout, " ", summary.duration)
  for i = 0, ${PERCENTILES - 1} do io.write(" ", latency:percentile(math.max(100 * i / ${PERCENTILES}, 0.001))) end
  io.write("\\n")
end
`

/** Load by wrk: GET of one URL over HTTP/1.1, again and again, one request at a time on each connection. */
export class Wrk {
  readonly #program: string
  readonly #pinning: Pinning
  readonly #scriptFile: string

  /** @param folder for its script */
  constructor(program: string, pinning: Pinning, folder: string) {
    this.#program = program
    this.#pinning = pinning
    this.#scriptFile = join(folder, 'wrk.lua')
    writeFileSync(this.#scriptFile, SCRIPT)
  }

  async run(url: string, connections: number, seconds: number): Promise<LoadResult> {
    const load = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', this.#scriptFile]
    return parseWrk(await runProgram(this.#pinning.generator([this.#program, ...load, url])))
  }
}

/** Reads what the script has wrk write: requests, errors, microseconds of the run, then latencies in microseconds. */
export function parseWrk(output: string): LoadResult {
  const figures = /^RESULT (.+)$/m.exec(output)?.[1]?.split(' ').map(Number)
  if (figures === undefined || figures.length < 4) throw new Error(`wrk wrote something unknown: ${output}`)
  const [requests, errors, durationUs, ...latenciesUs] = figures as [number, number, number, ...number[]]
  return {
    callCount: requests - errors,
    errorCount: errors,
    callsPerSecond: (requests / durationUs) * 1e6,
    latenciesUs: Float64Array.from(latenciesUs).sort(),
  }
}
