/**
 * Load on the WebSocket protocol by the client of this package: `ws-load.js URL SOCKETS IN-FLIGHT COUNT GROUP KEY`, the key
 * again and again, so many requests in flight on each socket. Prints a LoadResult as JSON.
 */
import { WebSocket } from 'ws'
import { connect } from '../../src/client/index.js'

const [url = '', sockets = '1', inFlight = '1', count = '1', group = '', key = ''] = process.argv.slice(2)
const latenciesUs: number[] = []
let errorCount = 0
let sentCount = 0

async function run(): Promise<void> {
  const client = connect(url, { WebSocket })
  const of = client.group(group)
  // The socket stands before anything is measured.
  await of.get(key)
  const ask = async (): Promise<void> => {
    while (sentCount++ < Number(count)) {
      const startedMs = performance.now()
      try {
        await of.get(key)
        latenciesUs.push((performance.now() - startedMs) * 1000)
      } catch {
        errorCount++
      }
    }
  }
  await Promise.all(Array.from({ length: Number(inFlight) }, ask))
  client.close()
}

const startedMs = performance.now()
await Promise.all(Array.from({ length: Number(sockets) }, run))
const callsPerSecond = latenciesUs.length / ((performance.now() - startedMs) / 1000)
latenciesUs.sort((a, b) => a - b)
process.stdout.write(
  JSON.stringify({ callCount: latenciesUs.length, errorCount, callsPerSecond, latenciesUs }),
)
