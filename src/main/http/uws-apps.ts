import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js'
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
  #listening: us_listen_socket | undefined
  #where: { readonly host: string; readonly port: number } | undefined

  constructor(parts: UwsAppsParts) {
    this.#parts = parts
    this.#add()
  }

  /** As HttpServer.listen(). */
  async listen(host: string, port: number, isShared: boolean): Promise<number> {
    this.#listening = await this.#listen(host, port, isShared)
    const bound = this.#parts.uws.us_socket_local_port(this.#listening as never)
    // Only a port that was named is shared with another app.
    if (isShared && port !== 0) this.#where = { host, port }
    return bound
  }

  /** The files have another certificate: connections from here on get it. When that fails, they get the old one. */
  async renew(): Promise<void> {
    const { uws, log } = this.#parts
    if (this.#where === undefined || this.#listening === undefined) {
      log.warn({}, 'The port of HTTP is not shared: its certificate changes when the node is restarted')
      return
    }
    try {
      this.#add()
      const before = this.#listening
      this.#listening = await this.#listen(this.#where.host, this.#where.port, true)
      uws.us_listen_socket_close(before)
      if (this.#apps.length > 1 + EARLIER_APPS_MAX) this.#apps.shift()?.close()
    } catch (thrown) {
      log.warn({ err: thrown }, 'HTTP keeps its old certificate')
    }
  }

  stopListening(): void {
    if (this.#listening !== undefined) this.#parts.uws.us_listen_socket_close(this.#listening)
    this.#listening = undefined
  }

  /** Ends all connections. */
  close(): void {
    this.stopListening()
    for (const app of this.#apps.splice(0)) app.close()
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
        if (socket) resolve(socket)
        else reject(new CacheError('FAILED_PRECONDITION', `${host}:${port} is in use`))
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
