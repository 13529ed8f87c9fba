import net, { type Socket } from 'node:net'
import tls, { type SecureContextOptions, TLSSocket, type TlsOptions } from 'node:tls'
import type { ServerCredentials } from '@grpc/grpc-js'
import { ListeningSocket } from '../sockets/listening-socket.js'
import type { SocketHandle } from '../sockets/socket-handle.js'

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

/** Where a listener puts the connections that it accepts: handles of plain ones, others with their TLS handshakes done. */
export type OnConnection = (accepted: Socket | SocketHandle) => void

/** A listening socket, plain or TLS. Certificates can be exchanged while it listens. */
export class Listener {
  private readonly listening: ListeningSocket
  private readonly credentials: ServerCredentials
  private readonly watcher = (context: SecureContextOptions | null): void => {
    if (context !== null) this.setSecureContext(context)
  }

  private readonly onConnection: OnConnection

  constructor(credentials: ServerCredentials, handshakeTimeoutMs: number, onConnection: OnConnection) {
    this.onConnection = onConnection
    this.credentials = credentials
    this.listening = new ListeningSocket(newServer(credentials, handshakeTimeoutMs, onConnection))
    if (credentials._isSecure()) credentials._addWatcher(this.watcher)
  }

  /** As {@link ListeningSocket.listen}. */
  async listen(where: object, countMax: number): Promise<number> {
    const port = await this.listening.listen(where, countMax)
    if (!this.credentials._isSecure()) this.listening.acceptHandles(this.onConnection)
    return port
  }

  /** File descriptor of the listening socket; −1 where there are none. */
  get descriptor(): number {
    return this.listening.descriptor
  }

  /** New connections get this certificate; those that stand keep theirs. False for a plain listener. */
  setSecureContext(options: SecureContextOptions): boolean {
    return this.listening.setSecureContext(options)
  }

  /** Accepts no more connections. */
  close(): void {
    this.credentials._removeWatcher(this.watcher)
    this.listening.close()
  }

  /** And cuts those that stand. */
  destroySockets(): void {
    this.listening.destroySockets()
  }
}

function newServer(
  credentials: ServerCredentials,
  handshakeTimeoutMs: number,
  onConnection: OnConnection,
): net.Server {
  // What comes before its handles are asked for is a socket.
  if (!credentials._isSecure()) return net.createServer({ noDelay: true, pauseOnConnect: true }, onConnection)
  return tls.createServer(tlsOptions(credentials, handshakeTimeoutMs), (socket) => {
    // RFC 9113, section 3.2: over TLS, HTTP/2 must have been agreed on.
    if (socket.alpnProtocol !== 'h2') socket.destroy()
    else onConnection(socket)
  })
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

/** What is known of who is at the other end of a socket: in the form of grpc-js, its certificate. */
export function authContextOf(socket: Socket): object {
  if (!(socket instanceof TLSSocket)) return {}
  const certificate = socket.getPeerCertificate()
  const known = Object.keys(certificate).length > 0
  return { transportSecurityType: 'ssl', ...(known ? { sslPeerCertificate: certificate } : {}) }
}
