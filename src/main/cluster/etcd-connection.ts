import { Etcd3, type IKeyValue, type IOptions, type IWatchResponse } from 'etcd3'
import { CacheError } from '../../shared/errors.js'

/** A key under the prefix that was asked for, and what is stored there. */
export interface EtcdEntry {
  /** The key without the prefix. */
  readonly name: string
  readonly value: Uint8Array
  readonly leaseId: string
}

export type EtcdEvent =
  | { readonly type: 'put'; readonly entry: EtcdEntry }
  | { readonly type: 'delete'; readonly name: string }

export interface EtcdList {
  readonly entries: readonly EtcdEntry[]
  /** True when there are more entries than were asked for. */
  readonly truncated: boolean
  /** The store's revision that the list shows. */
  readonly revision: string
}

type FaultHandling = NonNullable<IOptions['faultHandling']>

/** etcd3's policy of one attempt: its own retries and circuit breaker would outlive the bounds that are set here. */
const once: NonNullable<FaultHandling['global']> = {
  _altReturn: undefined as never,
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
  execute: async (attempt, signal = new AbortController().signal) => attempt({ signal }),
}

/**
 * The calls that a registry makes to one etcd host, each bounded in time, over the plain RPCs of etcd3. Its lease and
 * watch objects are not used: they have missed the loss of a lease and gone silent after a reconnect
 * (github.com/microsoft/etcd3 issues 31, 78 and 110). Whoever sees a call fail or hears of a fault makes a new
 * connection; this one repairs nothing by itself.
 */
export class EtcdConnection {
  readonly #client: Etcd3
  readonly #timeoutMs: number
  readonly #onFault: () => void
  #fault: CacheError | undefined
  #cancelWatch: (() => void) | undefined

  /** @param onFault called when the watch broke: `throwIfFaulty` then says why */
  constructor(host: string, timeoutMs: number, onFault: () => void) {
    this.#client = new Etcd3({
      hosts: host,
      faultHandling: { host: () => once, global: once },
      // A socket of its own: one shared with an earlier connection might be dead, or in a back-off of up to two minutes.
      grpcOptions: { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_channelz': 0 },
    })
    this.#timeoutMs = timeoutMs
    this.#onFault = onFault
  }

  /** A new lease. etcd may make it longer than it was asked for. */
  async grantLease(ttlSeconds: number): Promise<{ leaseId: string; ttlMs: number }> {
    const answer = this.#client.leaseClient.leaseGrant({ TTL: ttlSeconds }, this.#callOptions())
    const { ID, TTL } = await this.#bounded('grant a lease', answer)
    return { leaseId: ID, ttlMs: Number(TTL) * 1000 }
  }

  /** Renews a lease; false when there is no such lease any more. */
  async keepAlive(leaseId: string): Promise<boolean> {
    const stream = await this.#client.leaseClient.leaseKeepAlive(this.#callOptions())
    const answer = new Promise<boolean>((resolve, reject) => {
      stream.on('data', ({ TTL }) => resolve(Number(TTL) > 0))
      stream.on('error', reject)
      stream.on('end', () => reject(new Error('The stream ended without an answer')))
    })
    stream.write({ ID: leaseId })
    stream.end()
    return this.#bounded('keep the lease alive', answer)
  }

  /** Ends a lease, and with it every key under it. */
  async revokeLease(leaseId: string): Promise<void> {
    const answer = this.#client.leaseClient.leaseRevoke({ ID: leaseId }, this.#callOptions())
    await this.#bounded('revoke the lease', answer)
  }

  async put(key: string, value: Buffer, leaseId: string): Promise<void> {
    const answer = this.#client.kv.put({ key: Buffer.from(key), value, lease: leaseId }, this.#callOptions())
    await this.#bounded('put the registration', answer)
  }

  /** The first `countMax` entries under a prefix, in the order of their keys. */
  async list(prefix: string, countMax: number): Promise<EtcdList> {
    const answer = this.#client.kv.range({ ...rangeOf(prefix), limit: countMax }, this.#callOptions())
    const { kvs, more, header } = await this.#bounded('list the members', answer)
    return { entries: kvs.map((kv) => entryOf(kv, prefix)), truncated: more, revision: header.revision }
  }

  /**
   * Hears every change after a revision, batch by batch in the order in which they happened, and resolves when etcd
   * has agreed to tell them. Ends the watch that was there before, which says nothing more from then on.
   */
  async watch(prefix: string, revision: string, onEvents: (events: EtcdEvent[]) => void): Promise<void> {
    this.#cancelWatch?.()
    const stream = await this.#client.watchClient.watch()
    let cancelled = false
    const cancel = (): void => {
      cancelled = true
      stream.cancel()
    }
    this.#cancelWatch = cancel
    const created = new Promise<void>((resolve, reject) => {
      const fail = (thrown: unknown) => {
        reject(thrown)
        if (!cancelled) this.#fail('watch the members', thrown)
      }
      stream.on('error', fail)
      stream.on('end', () => fail(new Error('etcd ended the stream')))
      stream.on('data', (response: IWatchResponse) => {
        if (cancelled) return
        // Also the answer to a revision that was compacted away in the meantime: the next connection lists anew.
        if (response.canceled) return fail(new Error(reasonOf(response)))
        if (response.created) resolve()
        if (response.events.length > 0)
          onEvents(response.events.map(({ type, kv }) => eventOf(type, kv, prefix)))
      })
    })
    const start_revision = String(BigInt(revision) + 1n)
    stream.write({ create_request: { ...rangeOf(prefix), start_revision } })
    await this.#bounded('watch the members', created)
  }

  /** Throws what broke the watch, if anything did. */
  throwIfFaulty(): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  close(): void {
    this.#cancelWatch?.()
    this.#client.close()
  }

  #callOptions(): { deadline: number } {
    return { deadline: Date.now() + this.#timeoutMs }
  }

  /** A second bound beside the call's deadline, which holds only where etcd3 hands it on and gRPC keeps it. */
  async #bounded<T>(what: string, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`No answer within ${this.#timeoutMs} ms`)),
        this.#timeoutMs + 50,
      )
    })
    try {
      return await Promise.race([answer, late])
    } catch (thrown) {
      throw faultOf(what, thrown)
    } finally {
      clearTimeout(timer)
    }
  }

  #fail(what: string, thrown: unknown): void {
    this.#fault ??= faultOf(what, thrown)
    this.#onFault()
  }
}

function faultOf(what: string, thrown: unknown): CacheError {
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  return new CacheError('UNAVAILABLE', `Could not ${what}: ${why}`, { cause: thrown })
}

/** etcd gives no reason in words when it has compacted the revision away, only the oldest that it still has. */
function reasonOf({ compact_revision, cancel_reason }: IWatchResponse): string {
  if (compact_revision !== '0') return `etcd compacted the changes before revision ${compact_revision}`
  return cancel_reason || 'etcd cancelled the watch'
}

/** All keys that start with the prefix, which must end in a character below U+007F. */
function rangeOf(prefix: string): { key: Buffer; range_end: Buffer } {
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  return { key: Buffer.from(prefix), range_end: end }
}

function nameOf(kv: IKeyValue, prefix: string): string {
  return kv.key.subarray(Buffer.byteLength(prefix)).toString()
}

function entryOf(kv: IKeyValue, prefix: string): EtcdEntry {
  return { name: nameOf(kv, prefix), value: kv.value, leaseId: kv.lease }
}

function eventOf(type: 'Put' | 'Delete', kv: IKeyValue, prefix: string): EtcdEvent {
  // On the wire the enumerators are PUT and DELETE; etcd3's types spell them otherwise.
  return String(type).toUpperCase() === 'DELETE'
    ? { type: 'delete', name: nameOf(kv, prefix) }
    : { type: 'put', entry: entryOf(kv, prefix) }
}
