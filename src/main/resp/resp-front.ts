import { parseAddress } from '../cluster/address.js'
import type { Front } from '../front.js'
import { listenError } from '../listen-error.js'
import { RespServer, type RespServerParts } from './server.js'

/** The Redis protocol, as one of the fronts of a node. */
export class RespFront implements Front {
  readonly name = 'RESP'
  readonly server: RespServer
  #address: string

  constructor(address: string, parts: RespServerParts) {
    this.#address = address
    this.server = new RespServer(parts)
  }

  get address(): string {
    return this.#address
  }

  async start(): Promise<void> {
    const { host, port } = parseAddress(this.#address)
    try {
      const bound = await this.server.listen(host, port)
      this.#address = this.#address.replace(/\d+$/, String(bound))
    } catch (thrown) {
      throw listenError(this.#address, thrown)
    }
  }

  shutdown(graceMs: number): Promise<void> {
    return this.server.shutdown(graceMs)
  }
}
