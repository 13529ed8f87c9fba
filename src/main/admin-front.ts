import { systemClock } from '../shared/clock.js'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import { parseAddress } from './cluster/address.js'
import type { Front } from './front.js'
import type { Groups } from './groups.js'
import { everyInterval } from './http/live/every-interval.js'
import { NodeHttpServer } from './http/node-http-server.js'
import { PageGuard } from './http/page-guard.js'
import { newSurface } from './http/surface.js'
import type { Invalidations } from './invalidations.js'
import type { Log, NodeOptions } from './node-options.js'
import type { NodeView } from './node-view.js'
import type { TlsFiles } from './tls-files.js'

export interface AdminFrontParts {
  readonly groups: Groups
  readonly node: NodeView
  readonly invalidations: Invalidations
  /** Of the main thread. */
  readonly pin: ReaderPin
  readonly options: Pick<NodeOptions, 'httpHosts'>
  readonly tls: TlsFiles | undefined
  readonly log: Log
}

/** HTTP for whoever operates the node, on its main thread: it answers while front threads are busy, or down. */
export class AdminFront implements Front {
  readonly name = 'admin'
  readonly #server: NodeHttpServer
  #address: string
  #isReady = false

  constructor({ options, tls, groups, node, pin, invalidations, log }: AdminFrontParts, address: string) {
    this.#address = address
    const live = { groups, hot: groups, pin, node, invalidations, clock: systemClock, every: everyInterval }
    const parts = { groups, node, isReady: () => this.#isReady, live }
    const guard = new PageGuard(parseAddress(address).host, options.httpHosts)
    const surface = newSurface(parts, 'control')
    this.#server = new NodeHttpServer({ ...surface, guard, log, ...(tls && { identity: tls }) })
  }

  get address(): string {
    return this.#address
  }

  async start(): Promise<void> {
    const { host, port } = parseAddress(this.#address)
    const listening = await this.#server.listen(host, port, false)
    this.#address = this.#address.replace(/\d+$/, String(listening))
  }

  setReady(isReady: boolean): void {
    this.#isReady = isReady
  }

  shutdown(graceMs: number): Promise<void> {
    return this.#server.shutdown(graceMs)
  }
}
