/**
 * Load on an echo server: `tcp-load.js HOST:PORT CONNECTIONS COUNT BYTES`, one message of BYTES in flight on each
 * connection. Prints a LoadResult as JSON.
 */
import { connect } from 'node:net'

const [address = '', connections = '1', count = '1', bytes = '1'] = process.argv.slice(2)
const [host, port] = address.split(':')
const message = Buffer.alloc(Number(bytes), 'x')
const latenciesUs: number[] = []
const startedMs = performance.now()
let toSend = Number(count)

function run(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host!, port: Number(port), noDelay: true })
    let sentMs = 0
    let receivedBytes = 0
    const next = () => {
      if (toSend-- <= 0) {
        socket.end()
        return
      }
      receivedBytes = 0
      sentMs = performance.now()
      socket.write(message)
    }
    socket.on('connect', next)
    socket.on('data', (chunk) => {
      receivedBytes += chunk.length
      if (receivedBytes < message.length) return
      latenciesUs.push((performance.now() - sentMs) * 1000)
      next()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve())
  })
}

await Promise.all(Array.from({ length: Number(connections) }, run))
const callsPerSecond = latenciesUs.length / ((performance.now() - startedMs) / 1000)
latenciesUs.sort((a, b) => a - b)
const result = {
  callCount: latenciesUs.length,
  errorCount: Number(count) - latenciesUs.length,
  callsPerSecond,
  latenciesUs,
}
process.stdout.write(JSON.stringify(result))
