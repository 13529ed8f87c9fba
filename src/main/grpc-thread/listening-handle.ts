import { spawn } from 'node:child_process'

/** Takes the inherited socket without accepting from it, sends it back, and ends. */
const HAND_BACK = `
  const { Socket } = require('node:net')
  const socket = new Socket({ fd: 3, readable: false, writable: false })
  process.send('', socket._handle, () => process.disconnect())
`

/**
 * A handle of this thread's own for a socket that another thread of the process listens on: both accept from it, and
 * each closes its own descriptor.
 *
 * Two threads must not share one descriptor. The first that ends closes it for both, its number goes to the next
 * connection, and the event loop that still knows it as a listening socket aborts the process. Node.js has no dup(2),
 * yet a descriptor that is sent to a process arrives as a new one: so a process that lives for this alone inherits the
 * socket and sends it here. (SO_REUSEPORT would do without; it comes with Node 22.12, leaves what waits in the queue of
 * a dead thread unanswered, and lets a second node listen on the same port by mistake.)
 *
 * @param descriptor of the listening socket, open until this resolves
 * @returns what `net.Server#listen` takes
 */
export function listeningHandle(descriptor: number): Promise<object> {
  const child = spawn(process.execPath, ['-e', HAND_BACK], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor, 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  return new Promise((resolve, reject) => {
    child.once('message', (_message, handle) => resolve(handle as object))
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`The process that hands over the listening socket ended with ${signal ?? code}`))
    })
  })
}
