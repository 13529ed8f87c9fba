/** The floor of any server on Node's sockets: sends back what comes. Prints its address. */
import { type AddressInfo, createServer } from 'node:net'

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk))
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listens on 127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
