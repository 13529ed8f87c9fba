import { CacheError } from '../../shared/errors.js'
import { parseAddress } from './address.js'
import type { Registry, RegistryStatus } from './registry.js'

/** A fixed list of members: a cluster without etcd, or, with an empty list, a node that stands alone. */
export class StaticRegistry implements Registry {
  readonly #members: ReadonlySet<string>
  #state: 'idle' | 'connected' | 'closed' = 'idle'

  /** @throws CacheError INVALID_ARGUMENT for an address that is no HOST:PORT */
  constructor(self: string, peers: readonly string[] = []) {
    this.#members = new Set([self, ...peers])
    this.#members.forEach(parseAddress)
  }

  async start(onChange: (members: ReadonlySet<string>) => void): Promise<void> {
    if (this.#state !== 'idle')
      throw new CacheError('FAILED_PRECONDITION', `The registry is ${this.#state} already`)
    this.#state = 'connected'
    onChange(this.#members)
  }

  async close(): Promise<void> {
    this.#state = 'closed'
  }

  status(): RegistryStatus {
    return {
      kind: 'static',
      state: this.#state,
      members: this.#members.size,
      registrations: 0,
      connectionFailures: 0,
    }
  }
}
