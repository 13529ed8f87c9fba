import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CacheError } from '../../shared/errors.js'
import type { Log } from '../node-options.js'
import type { TlsOptions } from '../tls-options.js'
import type { Uws } from './load-uws.js'

/** A constant that the typings have in an enumeration, which is not there at run time. */
interface ListenFlags {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number
}

/** Apps with an earlier certificate that still have connections; those of the oldest end when there are more. */
const EARLIER_APPS_MAX = 2

export interface UwsAppsParts {
  readonly uws: Uws
  /** PEM files; undefined for plain text. */
  readonly tls: TlsOptions | undefined
  /** Gives an app its routes. */
  readonly addRoutes: (app: TemplatedApp) => void
  readonly log: Log
}

/**
 * The app of a server on uWebSockets.js, which reads its certificate once, when it is made. For another certificate there is
 * another app on the same port: it listens, then the one before listens no more. Connections that stand stay where they are.
 */
export class UwsApps {
  readonly #parts: UwsAppsParts
  /** The newest last. */
  readonly #apps: TemplatedApp[] = []
  /** The newest last; the one before it until it has accepted what waits. */
  readonly #listeners: us_listen_socket[] = []
  /** Where another app may listen, too: where the port is shared and known. */
  #where: { readonly host: string; readonly port: number } | undefined
  #renewal: Promise<void> = Promise.resolve()

  constructor(parts: UwsAppsParts) {
    this.#parts = parts
    this.#add()
  }

  /** As HttpServer.listen(). */
  async listen(host: string, port: number, isShared: boolean): Promise<number> {
    const listener = await this.#listen(host, port, isShared)
    // Only a port that was named is shared with another app.
    if (isShared && port !== 0) this.#where = { host, port }
    return this.#parts.uws.us_socket_local_port(listener as never)
  }

  /** The files have another certificate: connections from here on get it. When that fails, they get the old one. */
  renew(): Promise<void> {
    this.#renewal = this.#renewal.then(async () => {
      try {
        await this.#renew()
      } catch (thrown) {
        this.#parts.log.warn({ err: thrown }, 'HTTP keeps its old certificate')
      }
    })
    return this.#renewal
  }

  stopListening(): void {
    for (const listener of this.#listeners.splice(0)) this.#parts.uws.us_listen_socket_close(listener)
  }

  /** Ends all connections. */
  close(): void {
    this.stopListening()
    for (const app of this.#apps.splice(0)) app.close()
  }

  async #renew(): Promise<void> {
    const before = this.#listeners.at(-1)
    if (this.#where === undefined || before === undefined) return
    this.#add()
    await this.#listen(this.#where.host, this.#where.port, true)
    // The system resets what still waits for a listener that closes: this turn accepts it first.
    await nextTurn()
    if (this.#listeners[0] !== before) return
    this.#listeners.shift()
    this.#parts.uws.us_listen_socket_close(before)
    if (this.#apps.length > 1 + EARLIER_APPS_MAX) this.#apps.shift()?.close()
  }

  #add(): void {
    const { uws, tls, addRoutes } = this.#parts
    const app = tls ? uws.SSLApp(sslOptions(tls)) : uws.App()
    addRoutes(app)
    this.#apps.push(app)
  }

  #listen(host: string, port: number, isShared: boolean): Promise<us_listen_socket> {
    const { LIBUS_LISTEN_EXCLUSIVE_PORT } = this.#parts.uws as Uws & ListenFlags
    return new Promise((resolve, reject) => {
      const listened = (socket: us_listen_socket | false): void => {
        if (socket) {
          this.#listeners.push(socket)
          resolve(socket)
        } else reject(new CacheError('FAILED_PRECONDITION', `${host}:${port} is in use`))
      }
      // The typings lack this form, which is the one that uws.js hands on.
      const app = this.#apps.at(-1) as unknown as { listen(...args: unknown[]): void }
      if (isShared) app.listen(host, port, listened)
      else app.listen(host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, listened)
    })
  }
}

/** No authorities: it would ask every client for a certificate, and let those in that show none. */
function sslOptions({ certFile, keyFile }: TlsOptions) {
  return { cert_file_name: certFile, key_file_name: keyFile }
}
