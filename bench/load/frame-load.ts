/**
 * Load with many keys: `frame-load.js HOST:PORT CONNECTIONS STREAMS COUNT GROUP KEYS-FILE`, the keys (a JSON array) in
 * turn, so many calls in flight on each connection. Prints a LoadResult as JSON.
 */
import { readFileSync } from 'node:fs'
import { FrameConnection } from './frame-connection.js'
import { getRequest } from './get-request.js'

const [address = '', connections = '1', streams = '1', count = '1', group = '', keysFile = ''] =
  process.argv.slice(2)
const keys = JSON.parse(readFileSync(keysFile, 'utf8')) as string[]
const requests = keys.map((key) => getRequest(group, key))
const latenciesUs: number[] = []
let errorCount = 0
let sentCount = 0

async function run(): Promise<void> {
  const next = () => {
    if (sentCount < Number(count)) connection.send(requests[++sentCount % requests.length]!)
    else if (connection.pendingCount === 0) connection.end()
  }
  const connection = new FrameConnection(address, (latencyMs, isAnswered) => {
    if (isAnswered) latenciesUs.push(latencyMs * 1000)
    else errorCount++
    next()
  })
  for (let stream = 0; stream < Number(streams); stream++) next()
  connection.flush()
  await connection.closed
  errorCount += connection.pendingCount
}

const startedMs = performance.now()
await Promise.all(Array.from({ length: Number(connections) }, run))
const callsPerSecond = latenciesUs.length / ((performance.now() - startedMs) / 1000)
latenciesUs.sort((a, b) => a - b)
process.stdout.write(
  JSON.stringify({ callCount: latenciesUs.length, errorCount, callsPerSecond, latenciesUs }),
)
