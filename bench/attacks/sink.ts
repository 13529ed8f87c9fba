/**
 * Takes connections and drops what they send: what an attacker does to it costs the machine, but not a node. Prints its
 * address as JSON.
 */
import { type AddressInfo, createServer } from 'node:net'

const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
  socket.on('error', () => {})
  socket.resume()
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`"127.0.0.1:${(server.address() as AddressInfo).port}"\n`)
})
