/**
 * Load at a rate of its own: `paced-load.js HOST:PORT CONNECTIONS CALLS_PER_SECOND SECONDS GROUP KEY`. Calls are sent when
 * they are due, answered or not the ones before: a server that stands still for a moment keeps many of them waiting, and
 * each counts. Prints a LoadResult as JSON.
 */
import { FrameConnection } from './frame-connection.js'
import { getRequest } from './get-request.js'

const [address = '', connections = '1', callsPerSecond = '1', seconds = '1', group = '', key = ''] =
  process.argv.slice(2)
/** What is not answered then never will be. */
const PATIENCE_MS = 5000
const request = getRequest(group, key)
const total = Math.round(Number(callsPerSecond) * Number(seconds))
const latenciesUs: number[] = []
let errorCount = 0
let sentCount = 0

const all = Array.from(
  { length: Number(connections) },
  () =>
    new FrameConnection(address, (latencyMs, isAnswered) => {
      if (isAnswered) latenciesUs.push(latencyMs * 1000)
      else errorCount++
    }),
)
// One that is lost loses its calls, which are counted below.
const lost = all.map((connection) => connection.closed.catch(() => undefined))
const startedMs = performance.now()
const pacer = setInterval(() => {
  const nowMs = performance.now()
  const dueCount = Math.min(total, Math.floor(((nowMs - startedMs) * Number(callsPerSecond)) / 1000))
  while (sentCount < dueCount) all[sentCount++ % all.length]!.send(request)
  for (const connection of all) connection.flush()
  const isAnswered = all.every(({ pendingCount }) => pendingCount === 0)
  const isOver = nowMs - startedMs > Number(seconds) * 1000 + PATIENCE_MS
  if (sentCount < total || !(isAnswered || isOver)) return
  clearInterval(pacer)
  for (const connection of all) connection.destroy()
}, 1)
await Promise.all(lost)
clearInterval(pacer)
errorCount += total - latenciesUs.length - errorCount
latenciesUs.sort((a, b) => a - b)
process.stdout.write(
  JSON.stringify({
    callCount: latenciesUs.length,
    errorCount,
    callsPerSecond: latenciesUs.length / Number(seconds),
    latenciesUs,
  }),
)
