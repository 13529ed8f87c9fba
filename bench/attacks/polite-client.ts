/**
 * Load at a rate of its own: `polite-client.js HOST:PORT CONNECTIONS CALLS_PER_SECOND GROUP`. Calls are sent when they are
 * due, answered or not the ones before: a server that stands still for a moment keeps many of them waiting, and each
 * counts. For each line `SECONDS KEY` it connects anew, sees that it is answered, calls for so long, and prints a
 * LoadResult as JSON.
 */
import { createInterface } from 'node:readline'
import { FrameConnection } from '../load/frame-connection.js'
import { getRequest } from '../load/get-request.js'

const [address = '', connections = '1', callsPerSecond = '1', group = ''] = process.argv.slice(2)
/** What is not answered then never will be. */
const PATIENCE_MS = 5000

/** One window of calls. */
class Calls {
  readonly #latenciesUs: number[] = []
  readonly #connections: readonly FrameConnection[]
  readonly #request: Buffer
  readonly #seconds: number

  constructor(seconds: number, key: string) {
    this.#seconds = seconds
    this.#request = getRequest(group, key)
    this.#connections = Array.from(
      { length: Number(connections) },
      () =>
        new FrameConnection(address, (latencyMs, isAnswered) => {
          if (isAnswered) this.#latenciesUs.push(latencyMs * 1000)
        }),
    )
  }

  async run(): Promise<object> {
    const all = this.#connections
    // One that is lost loses its calls, which are counted below.
    const lost = all.map((connection) => connection.closed.catch(() => undefined))
    await this.#pace(all.length, Number.POSITIVE_INFINITY)
    this.#latenciesUs.length = 0
    const total = Math.round(Number(callsPerSecond) * this.#seconds)
    await this.#pace(total, Number(callsPerSecond))
    for (const connection of all) connection.destroy()
    await Promise.all(lost)
    const latenciesUs = this.#latenciesUs.sort((a, b) => a - b)
    const callCount = latenciesUs.length
    return {
      callCount,
      errorCount: total - callCount,
      callsPerSecond: callCount / this.#seconds,
      latenciesUs,
    }
  }

  /** Sends so many calls when they are due; resolves when all are answered, or never will be. */
  #pace(total: number, perSecond: number): Promise<void> {
    const all = this.#connections
    const startedMs = performance.now()
    let sentCount = 0
    return new Promise((resolve) => {
      const pacer = setInterval(() => {
        const elapsedMs = performance.now() - startedMs
        const dueCount = Math.min(total, Math.floor((elapsedMs * perSecond) / 1000))
        while (sentCount < dueCount) all[sentCount++ % all.length]!.send(this.#request)
        for (const connection of all) connection.flush()
        const isAnswered = all.every(({ pendingCount }) => pendingCount === 0)
        const isOver = elapsedMs > (total / perSecond) * 1000 + PATIENCE_MS
        if (sentCount < total || !(isAnswered || isOver)) return
        clearInterval(pacer)
        resolve()
      }, 1)
    })
  }
}

process.stdout.write('"ready"\n')
for await (const line of createInterface({ input: process.stdin })) {
  const [seconds, key = ''] = line.split(' ')
  process.stdout.write(`${JSON.stringify(await new Calls(Number(seconds), key).run())}\n`)
}
