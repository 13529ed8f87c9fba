import type { Socket } from 'node:net'
import type { SocketHandle } from './socket-handle.js'

/** HOST:PORT of who is at the other end. */
export function remoteAddressOf(socket: Socket): string {
  return hostAndPort(socket.remoteAddress, socket.remotePort)
}

/** HOST:PORT of this end. */
export function localAddressOf(socket: Socket): string {
  return hostAndPort(socket.localAddress, socket.localPort)
}

/** HOST:PORT of who is at the other end of a handle. */
export function peerAddressOf(handle: SocketHandle): string {
  const peer: { address?: string; port?: number } = {}
  handle.getpeername(peer)
  return hostAndPort(peer.address, peer.port)
}

function hostAndPort(host = 'unknown', port = 0): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
