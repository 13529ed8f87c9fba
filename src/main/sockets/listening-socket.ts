import type { AddressInfo, Server, Socket } from 'node:net'
import { type SecureContextOptions, Server as TlsServer } from 'node:tls'
import { TransientSet } from '../../shared/transient-set.js'
import type { SocketHandle } from './socket-handle.js'

/** What node:net listens by. */
interface ListeningHandle {
  /** Called by the system's event loop with an error number or a connection. */
  onconnection: (error: number, accepted: SocketHandle | undefined) => void
}

/** A server of node:net or node:tls that listens, and all its sockets, those in the middle of a handshake among them. */
export class ListeningSocket {
  private readonly server: Server
  private readonly sockets = new TransientSet<Socket>()

  /** @param server not listening yet */
  constructor(server: Server) {
    this.server = server
    // A failed handshake concerns nobody but the client.
    server.on('tlsClientError', (_error, socket: Socket) => socket.destroy())
    server.on('connection', (socket: Socket) => {
      // Closing must not wait for a handshake.
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
      socket.on('error', () => socket.destroy())
    })
  }

  /**
   * Rejects with the system's error.
   *
   * @param where an address, or the handle of a socket that listens already
   * @param countMax connections at a time; more are cut
   * @returns the port, which the system chose if 0 was asked for
   */
  listen(
    where: { readonly host: string; readonly port: number } | object,
    countMax: number,
  ): Promise<number> {
    this.server.maxConnections = countMax
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(where, () => {
        this.server.off('error', reject)
        this.server.on('error', () => {})
        resolve((this.server.address() as AddressInfo).port)
      })
    })
  }

  /**
   * From now on connections are handed over as the system gives them: node:net would make a socket of each first, which
   * is half of what it costs to accept one. Nobody counts them here, nor cuts them.
   *
   * @param onHandle closes it, or takes it over
   */
  acceptHandles(onHandle: (handle: SocketHandle) => void): void {
    const { _handle: handle } = this.server as unknown as { readonly _handle: ListeningHandle }
    const onConnection: ListeningHandle['onconnection'] = (error, accepted) => {
      if (error !== 0 || accepted === undefined) return
      accepted.setNoDelay(true)
      onHandle(accepted)
    }
    handle.onconnection = onConnection
  }

  /** File descriptor of the listening socket; −1 where there are none. */
  get descriptor(): number {
    const { _handle: handle } = this.server as unknown as { readonly _handle: { readonly fd: number } | null }
    return handle?.fd ?? -1
  }

  /** New connections get this certificate; those that stand keep theirs. False for a plain listener. */
  setSecureContext(options: SecureContextOptions): boolean {
    if (!(this.server instanceof TlsServer)) return false
    this.server.setSecureContext(options)
    return true
  }

  /** Accepts no more connections. */
  close(): void {
    this.server.close()
  }

  /** And cuts those that stand. */
  destroySockets(): void {
    for (const socket of this.sockets.values()) socket.destroy()
  }
}
