import net, { type AddressInfo, type Socket } from 'node:net'
import tls, { type SecureContextOptions, type TLSSocket, type TlsOptions } from 'node:tls'
import type { ServerCredentials } from '@grpc/grpc-js'
import type { Client } from './grpc-connection.js'

/** Suites of TLS 1.2 that RFC 9113, appendix A allows, behind those of 1.3. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** Where a listener puts the connections that it accepts, TLS handshakes done. */
export type OnConnection = (socket: Socket, client: Client) => void

/** A listening socket, plain or TLS. Certificates can be exchanged while it listens. */
export class Listener {
  private readonly server: net.Server
  private readonly sockets = new Set<Socket>()
  private readonly credentials: ServerCredentials
  private readonly watcher = (context: SecureContextOptions | null): void => {
    if (context !== null) this.setSecureContext(context)
  }

  constructor(credentials: ServerCredentials, handshakeTimeoutMs: number, onConnection: OnConnection) {
    this.credentials = credentials
    if (!credentials._isSecure()) {
      this.server = net.createServer({ noDelay: true }, (socket) => {
        onConnection(socket, { address: addressOf(socket), authContext: () => ({}) })
      })
      return
    }
    this.server = tls.createServer(tlsOptions(credentials, handshakeTimeoutMs), (socket) => {
      // RFC 9113, section 3.2: over TLS, HTTP/2 must have been agreed on.
      if (socket.alpnProtocol !== 'h2') socket.destroy()
      else onConnection(socket, { address: addressOf(socket), authContext: () => authContextOf(socket) })
    })
    // A failed handshake concerns nobody but the client.
    this.server.on('tlsClientError', (_error, socket) => socket.destroy())
    credentials._addWatcher(this.watcher)
  }

  /**
   * @param where an address, or the handle of a socket that listens already
   * @returns the port, which the system chose if 0 was asked for
   */
  listen(
    where: { readonly host: string; readonly port: number } | object,
    countMax: number,
  ): Promise<number> {
    this.server.maxConnections = countMax
    this.server.on('connection', (socket: Socket) => {
      // Those in the middle of a handshake too: closing must not wait for them.
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
      socket.on('error', () => socket.destroy())
    })
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(where, () => {
        this.server.off('error', reject)
        this.server.on('error', () => {})
        resolve((this.server.address() as AddressInfo).port)
      })
    })
  }

  /** File descriptor of the listening socket; −1 where there are none. */
  get descriptor(): number {
    const { _handle: handle } = this.server as unknown as { readonly _handle: { readonly fd: number } | null }
    return handle?.fd ?? -1
  }

  /** New connections get this certificate; those that stand keep theirs. False for a plain listener. */
  setSecureContext(options: SecureContextOptions): boolean {
    if (!(this.server instanceof tls.Server)) return false
    this.server.setSecureContext(options)
    return true
  }

  /** Accepts no more connections. */
  close(): void {
    this.credentials._removeWatcher(this.watcher)
    this.server.close()
  }

  /** And cuts those that stand. */
  destroySockets(): void {
    for (const socket of this.sockets) socket.destroy()
  }
}

function tlsOptions(credentials: ServerCredentials, handshakeTimeoutMs: number): TlsOptions {
  return {
    ...credentials._getConstructorOptions(),
    ...credentials._getSecureContextOptions(),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
  } as TlsOptions
}

function addressOf(socket: Socket): string {
  const host = socket.remoteAddress ?? 'unknown'
  return host.includes(':') ? `[${host}]:${socket.remotePort}` : `${host}:${socket.remotePort}`
}

function authContextOf(socket: TLSSocket): object {
  const certificate = socket.getPeerCertificate()
  const known = Object.keys(certificate).length > 0
  return { transportSecurityType: 'ssl', ...(known ? { sslPeerCertificate: certificate } : {}) }
}
