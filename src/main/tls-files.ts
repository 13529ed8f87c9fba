import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { isIP } from 'node:net'
import {
  connect,
  createSecureContext,
  type SecureContextOptions,
  type TLSSocket,
  type TlsOptions as TlsServerOptions,
} from 'node:tls'
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js'
import { CacheError } from '../shared/errors.js'
import { parseAddress } from './cluster/address.js'
import type { Log } from './node-options.js'
import type { TlsOptions } from './tls-options.js'

/** How often the files are looked at for a change, in ms. */
const WATCH_INTERVAL_MS = 2000

interface Identity {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
}

/**
 * The certificate of a node, read anew when its files change: new connections get the new one, those that stand keep
 * theirs. Files that do not fit together, as in the middle of an exchange, leave the old one in place.
 */
export class TlsFiles {
  readonly #options: TlsOptions
  readonly #log: Log
  readonly #files: readonly string[]
  #identity: Identity
  readonly #listeners: ((context: SecureContextOptions) => void)[] = []
  readonly #reload = (): void => {
    try {
      const identity = read(this.#options)
      // A certificate and its key change together, and are two files.
      if (isSame(identity, this.#identity)) return
      this.#identity = identity
      for (const listener of this.#listeners) listener(this.#identity)
      this.#log.info({ cert: this.#options.certFile }, 'Certificate exchanged')
    } catch (thrown) {
      this.#log.warn({ err: thrown }, 'The changed certificate is not usable; the old one stays')
    }
  }

  /** @throws CacheError INVALID_ARGUMENT for files that cannot be read or do not fit together */
  constructor(options: TlsOptions, log: Log) {
    this.#options = options
    this.#log = log
    this.#identity = read(options)
    this.#files = [options.certFile, options.keyFile, ...(options.caFile ? [options.caFile] : [])]
  }

  /** What a server begins with. */
  serverCredentials(): ServerCredentials {
    const { cert, key, ca } = this.#identity
    const pair = { cert_chain: cert, private_key: key }
    return ServerCredentials.createSsl(ca ?? null, [pair], this.#options.requireClientCert ?? false)
  }

  /** The same for a server of node:tls. */
  serverOptions(): TlsServerOptions {
    const isRequired = this.#options.requireClientCert ?? false
    return { ...this.#identity, requestCert: isRequired, rejectUnauthorized: isRequired }
  }

  /** What grpc-js connects to peers with. */
  channelCredentials(): ChannelCredentials {
    const { cert, key, ca } = this.#identity
    return ChannelCredentials.createSsl(ca ?? null, key, cert)
  }

  /** Opens a connection to a peer that speaks HTTP/2. */
  connect(address: string): TLSSocket {
    const { host, port } = parseAddress(address)
    // An IP address is no server name (RFC 6066 §3), but the certificate is checked against it all the same.
    const servername = isIP(host) === 0 ? { servername: host } : {}
    return connect({
      host,
      port,
      ...this.#identity,
      ...servername,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
    })
  }

  /** Looks at the files from now on and calls back with every usable change. Any number of servers may ask. */
  watch(onChange: (context: SecureContextOptions) => void): void {
    this.#listeners.push(onChange)
    if (this.#listeners.length > 1) return
    for (const file of this.#files) {
      watchFile(file, { interval: WATCH_INTERVAL_MS, persistent: false }, this.#reload)
    }
  }

  close(): void {
    for (const file of this.#files) unwatchFile(file, this.#reload)
  }
}

function read({ certFile, keyFile, caFile }: TlsOptions): Identity {
  const identity = {
    cert: readPem(certFile),
    key: readPem(keyFile),
    ...(caFile !== undefined && { ca: readPem(caFile) }),
  }
  try {
    createSecureContext(identity)
  } catch (thrown) {
    const { message } = CacheError.from(thrown)
    throw new CacheError(
      'INVALID_ARGUMENT',
      `${certFile} and ${keyFile} are no certificate and its key: ${message}`,
    )
  }
  return identity
}

function isSame(one: Identity, other: Identity): boolean {
  const { cert, key, ca } = one
  return cert.equals(other.cert) && key.equals(other.key) && (ca === undefined || ca.equals(other.ca!))
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (thrown) {
    throw new CacheError('INVALID_ARGUMENT', `${file} cannot be read: ${CacheError.from(thrown).message}`)
  }
}
