import { fileURLToPath } from 'node:url'
import type { Pinning } from '../pinning.js'
import type { LoadResult } from './load.js'
import { runProgram } from './run-program.js'

const PROTO = fileURLToPath(new URL('../../../proto/pb/groupcache.proto', import.meta.url))

/** The part that is read of the report that ghz writes as JSON; times in nanoseconds. */
interface GhzReport {
  readonly rps: number
  readonly details: readonly { readonly latency: number; readonly error: string; readonly status: string }[]
}

/** Load by ghz with its defaults: 50 callers on one connection, a deadline of 20 s on every call. */
export class Ghz {
  readonly #program: string
  readonly #pinning: Pinning

  constructor(program: string, pinning: Pinning) {
    this.#program = program
    this.#pinning = pinning
  }

  /** @param address HOST:PORT */
  async run(
    address: string,
    request: { group: string; key: string },
    callCount: number,
  ): Promise<LoadResult> {
    const what = ['--proto', PROTO, '--call', 'pb.GroupCache.Get', '-d', JSON.stringify(request)]
    const how = ['--insecure', '-n', String(callCount), '-O', 'json']
    const output = await runProgram(this.#pinning.generator([this.#program, ...what, ...how, address]))
    const { rps, details } = JSON.parse(output) as GhzReport
    const answered = details.filter(({ status }) => status === 'OK')
    return {
      callCount: answered.length,
      errorCount: callCount - answered.length,
      callsPerSecond: rps,
      latenciesUs: Float64Array.from(answered, ({ latency }) => latency / 1000).sort(),
    }
  }
}
