import { DirectTransport } from '../../src/main/sockets/direct-transport.js'
import type { SocketUser } from '../../src/main/sockets/transport.js'

/** No frame, length or text that anyone would take for an answer. */
const POISON = 0xee

/**
 * Loaded before every test, in every process and thread of it: what a connection has read is gone as soon as it has been
 * received, as it is when the next connection reads into the same buffer. Whoever kept a view of it reads rubbish.
 */
const { attach, handOver } = DirectTransport.prototype
DirectTransport.prototype.attach = function (user, first) {
  attach.call(this, poisoned(user), first)
}
DirectTransport.prototype.handOver = function (user) {
  handOver.call(this, poisoned(user))
}

function poisoned(user: SocketUser): SocketUser {
  return {
    receive(chunk) {
      user.receive(chunk)
      chunk.fill(POISON)
    },
    onDrained: () => user.onDrained(),
    onTransportClosed: () => user.onTransportClosed(),
    onEnded: () => user.onEnded?.(),
  }
}
