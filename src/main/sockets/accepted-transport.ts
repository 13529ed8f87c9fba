import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { DirectTransport } from './direct-transport.js'
import type { BufferPool } from './output-buffer.js'
import type { ReadBuffer } from './read-buffer.js'
import { SocketTransport, type Traffic } from './socket-transport.js'

/** What a connection that was accepted is read and written by. */
export type AcceptedTransport = SocketTransport | DirectTransport

/**
 * The transport of a socket that a server accepted: the direct one, unless there is TLS in between.
 *
 * @param accepted paused, unless it is TLS. See {@link DirectTransport}
 */
export function acceptedTransport(
  accepted: Socket,
  pool: BufferPool,
  readBuffer: ReadBuffer,
  traffic?: Traffic,
): AcceptedTransport {
  if (accepted instanceof TLSSocket) return new SocketTransport(accepted, pool, traffic)
  return new DirectTransport(accepted, pool, readBuffer, traffic)
}
