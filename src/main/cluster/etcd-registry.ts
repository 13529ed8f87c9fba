import { type Clock, systemClock } from '../../shared/clock.js'
import { CacheError } from '../../shared/errors.js'
import type { Log } from '../node-options.js'
import { parseAddress } from './address.js'
import { Alarm } from './alarm.js'
import { EtcdConnection, type EtcdEntry, type EtcdEvent } from './etcd-connection.js'
import { MembershipView } from './membership-view.js'
import { decodeRegistration, encodeRegistration, registrationPrefix } from './registration.js'
import type { Registry, RegistryStatus } from './registry.js'

export interface EtcdRegistryOptions {
  /** HOST:PORT that is registered. */
  readonly self: string
  /** Nodes of one service form one ring. */
  readonly service: string
  /** HOST:PORT of etcd's hosts, at least one; `http://` or `https://` may stand before it. */
  readonly hosts: readonly string[]
  readonly log: Log
  /** How soon others see that this node died, 1 to 3600. Default 2, which is also the least that etcd grants. */
  readonly leaseTtlSeconds?: number
  /** Registered beside the address. Anything that JSON has; default null. */
  readonly metadata?: unknown
  /** How often all members are read anew, give or take a quarter. Default 10 000. */
  readonly relistMs?: number
  /** How long `start` waits for the first view. Default 2000. */
  readonly startTimeoutMs?: number
  readonly clock?: Clock
  /** Numbers in [0, 1), for jitter. Default Math.random. */
  readonly random?: () => number
}

const MEMBERS_MAX = 4096
const STRANGERS_NAMED_MAX = 256
const RETRY_MS_MIN = 50

/**
 * Membership by etcd: the key `<service>/<self>` under a lease, and a view of all keys of the service.
 *
 * One loop does everything, one connection at a time. Every third of the lease's time it renews the lease, and makes
 * a new one where etcd knows it no more; every `relistMs`, and whenever the own key is gone, it reads the list, puts
 * the own key where it is missing, and starts a new watch at the revision of the list, so that a watch that went
 * silent costs `relistMs` at most. Any call that fails or takes longer than that third, and any end of the watch, ends
 * the connection; the next one, after a jittered pause that stays below half a lease, goes to the next host.
 *
 * Until then the last view serves on. Who is missing when it is back gets one lease's time to register again: see
 * {@link MembershipView}.
 */
export class EtcdRegistry implements Registry {
  readonly #self: string
  readonly #key: string
  readonly #prefix: string
  readonly #value: Buffer
  readonly #hosts: readonly string[]
  readonly #log: Log
  readonly #leaseTtlSeconds: number
  readonly #relistMs: number
  readonly #startTimeoutMs: number
  readonly #clock: Clock
  readonly #random: () => number

  readonly #view: MembershipView
  /** Ends the loop's pause: something is to be done now. */
  readonly #alarm = new Alarm()
  /** Ends the wait in `start`. */
  readonly #started = new Alarm()
  /** Keys that were named in the log because they are no registrations. */
  readonly #strangers = new Set<string>()
  #onChange: (members: ReadonlySet<string>) => void = ignore
  #loop: Promise<void> | undefined
  #state: RegistryStatus['state'] = 'idle'
  #closing = false

  #hostIndex = 0
  #failuresInRow = 0
  #leaseId: string | undefined
  #leaseTtlMs: number
  /** The lease that the own key was last seen or put under; undefined when the key may be gone. */
  #registeredLeaseId: string | undefined
  #listedAtMs: number | undefined
  #nextListAtMs = 0
  #registrations = 0
  #connectionFailures = 0

  /** @throws CacheError INVALID_ARGUMENT for an option that cannot work */
  constructor(options: EtcdRegistryOptions) {
    const { self, service, hosts, leaseTtlSeconds = 2, metadata, random = Math.random } = options
    parseAddress(self)
    if (!/^[^\s/](.*[^\s/])?$/.test(service) || service.length > 256) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `The service name ${JSON.stringify(service)} cannot be part of a key`,
      )
    }
    if (hosts.length === 0) throw new CacheError('INVALID_ARGUMENT', 'etcd needs at least one host')
    for (const host of hosts) parseAddress(host.replace(/^https?:\/\//, ''))
    if (!Number.isInteger(leaseTtlSeconds) || leaseTtlSeconds < 1 || leaseTtlSeconds > 3600) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `The lease is ${leaseTtlSeconds} s, not 1 to 3600 whole seconds`,
      )
    }
    this.#self = self
    this.#prefix = registrationPrefix(service)
    this.#key = this.#prefix + self
    this.#value = encodeRegistration(self, metadata)
    this.#hosts = hosts
    this.#hostIndex = Math.floor(random() * hosts.length)
    this.#log = options.log
    this.#leaseTtlSeconds = leaseTtlSeconds
    this.#leaseTtlMs = leaseTtlSeconds * 1000
    this.#relistMs = options.relistMs ?? 10_000
    this.#startTimeoutMs = options.startTimeoutMs ?? 2000
    this.#clock = options.clock ?? systemClock
    this.#random = random
    this.#view = new MembershipView(self)
  }

  async start(onChange: (members: ReadonlySet<string>) => void): Promise<void> {
    if (this.#state !== 'idle')
      throw new CacheError('FAILED_PRECONDITION', `The registry is ${this.#state} already`)
    this.#state = 'connecting'
    this.#onChange = onChange
    this.#tell()
    this.#loop = this.#run()
    await this.#started.wait(this.#startTimeoutMs)
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#onChange = ignore
    this.#alarm.ring()
    this.#started.ring()
    await this.#loop
    this.#state = 'closed'
  }

  status(): RegistryStatus {
    return {
      kind: 'etcd',
      state: this.#state,
      members: this.#view.members.size,
      registrations: this.#registrations,
      connectionFailures: this.#connectionFailures,
      ...(this.#listedAtMs !== undefined && { lastListAgeMs: this.#clock.nowMs() - this.#listedAtMs }),
      ...(this.#leaseId !== undefined && { leaseId: this.#leaseId }),
    }
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (!this.#closing) {
      const host = this.#hosts[this.#hostIndex % this.#hosts.length]!
      let connection: EtcdConnection | undefined
      try {
        connection = new EtcdConnection(host, this.#stepMs(), () => this.#alarm.ring())
        await this.#serve(connection, host)
      } catch (thrown) {
        this.#onFailure(host, CacheError.from(thrown, 'UNAVAILABLE'))
      } finally {
        connection?.close()
      }
      if (!this.#closing) await this.#alarm.wait(this.#retryDelayMs())
    }
  }

  /** Keeps this node registered and the view live until this node leaves; rejects when the connection is no good. */
  async #serve(connection: EtcdConnection, host: string): Promise<void> {
    for (let step = 0; !this.#closing; step++) {
      await this.#holdLease(connection)
      if (this.#mustList()) await this.#list(connection)
      if (step === 0) this.#onConnected(host)
      else this.#failuresInRow = 0
      this.#publish()
      if (!this.#closing) await this.#alarm.wait(this.#stepMs())
      connection.throwIfFaulty()
    }
    if (this.#leaseId !== undefined) await connection.revokeLease(this.#leaseId)
  }

  /** The pause between two renewals, and the bound of every call: three fit into the time of a lease. */
  #stepMs(): number {
    return this.#leaseTtlMs / 3
  }

  /** Grows with the failures in a row, up to half a lease, so that who lives is back before it is given up. */
  #retryDelayMs(): number {
    const ceilingMs = Math.min(RETRY_MS_MIN * 2 ** Math.min(this.#failuresInRow, 16), this.#leaseTtlMs / 2)
    return ceilingMs * (0.5 + this.#random() / 2)
  }

  async #holdLease(connection: EtcdConnection): Promise<void> {
    if (this.#leaseId !== undefined) {
      if (await connection.keepAlive(this.#leaseId)) return
      // Others may have lost theirs by the same cause.
      this.#view.holdUntil(this.#clock.nowMs() + this.#leaseTtlMs)
      this.#log.warn(
        { service: this.#prefix, leaseId: this.#leaseId },
        'The lease in etcd was lost; making a new one',
      )
      this.#leaseId = undefined
    }
    const { leaseId, ttlMs } = await connection.grantLease(this.#leaseTtlSeconds)
    this.#leaseId = leaseId
    this.#leaseTtlMs = ttlMs
  }

  #mustList(): boolean {
    const registered = this.#leaseId === this.#registeredLeaseId
    return !registered || this.#state !== 'connected' || this.#clock.nowMs() >= this.#nextListAtMs
  }

  async #list(connection: EtcdConnection): Promise<void> {
    const { entries, truncated, revision } = await connection.list(this.#prefix, MEMBERS_MAX)
    if (truncated) {
      this.#log.warn(
        { service: this.#prefix, membersMax: MEMBERS_MAX },
        'More members in etcd than a ring may have',
      )
    }
    this.#view.replace(
      entries.map((entry) => this.#addressOf(entry)).filter((address) => address !== undefined),
    )
    await this.#register(connection, entries)
    await connection.watch(this.#prefix, revision, (events) => this.#onEvents(events))
    this.#listedAtMs = this.#clock.nowMs()
    this.#nextListAtMs = this.#listedAtMs + this.#relistMs * (0.75 + this.#random() / 2)
  }

  /** Puts the own key unless it stands in the list as it should. */
  async #register(connection: EtcdConnection, entries: readonly EtcdEntry[]): Promise<void> {
    const leaseId = this.#leaseId!
    const found = entries.find(({ name }) => name === this.#self)
    const inPlace = found?.leaseId === leaseId && this.#value.equals(found.value)
    if (!inPlace) {
      if (found !== undefined && this.#registeredLeaseId === leaseId) {
        this.#log.warn({ key: this.#key }, 'Another process registers the address of this node')
      }
      await connection.put(this.#key, this.#value, leaseId)
      this.#registrations++
      this.#log.info({ key: this.#key, leaseId }, 'Registered in etcd')
    }
    this.#registeredLeaseId = leaseId
  }

  #onEvents(events: readonly EtcdEvent[]): void {
    for (const event of events) {
      const name = event.type === 'put' ? event.entry.name : event.name
      const address = event.type === 'put' ? this.#addressOf(event.entry) : undefined
      if (address !== undefined) this.#view.add(address)
      else this.#view.remove(name)
      if (event.type === 'delete' && name === this.#self) this.#onOwnKeyGone()
    }
    this.#publish()
  }

  /** Somebody deleted the key or revoked its lease. At once, but no faster than in steps: it may be a quarrel. */
  #onOwnKeyGone(): void {
    this.#registeredLeaseId = undefined
    const listAgeMs = this.#clock.nowMs() - (this.#listedAtMs ?? 0)
    if (listAgeMs >= this.#stepMs()) this.#alarm.ring()
  }

  #addressOf(entry: EtcdEntry): string | undefined {
    const address = decodeRegistration(entry.name, entry.value)
    if (
      address === undefined &&
      !this.#strangers.has(entry.name) &&
      this.#strangers.size < STRANGERS_NAMED_MAX
    ) {
      this.#strangers.add(entry.name)
      const key = this.#prefix + entry.name.slice(0, 256)
      this.#log.warn({ key }, 'An entry in etcd is no registration of a node; ignored')
    }
    return address
  }

  #publish(): void {
    if (this.#view.refresh(this.#clock.nowMs())) this.#tell()
  }

  #tell(): void {
    try {
      this.#onChange(this.#view.members)
    } catch (thrown) {
      this.#log.error({ err: thrown }, 'A change of membership could not be taken over')
    }
  }

  #onConnected(host: string): void {
    // At the first connection there is no earlier view to hold.
    this.#view.holdUntil(this.#clock.nowMs() + (this.#state === 'connecting' ? 0 : this.#leaseTtlMs))
    this.#state = 'connected'
    this.#publish()
    const fields = { service: this.#prefix, host, members: this.#view.members.size }
    this.#log.info(fields, 'The view of the members is live')
    this.#started.ring()
  }

  /** Says so once, not at every attempt; while this node leaves, a failure only means that its lease runs out. */
  #onFailure(host: string, error: CacheError): void {
    const fields = { service: this.#prefix, host, err: error }
    if (this.#closing) {
      this.#log.debug(fields, 'Left without a word to etcd')
      return
    }
    this.#connectionFailures++
    this.#failuresInRow++
    this.#hostIndex++
    this.#view.holdUntil()
    if (this.#state === 'connecting') {
      this.#log.warn(fields, 'No etcd within reach; this node stands alone until there is one')
    } else if (this.#state === 'connected') {
      this.#log.warn(fields, 'The connection to etcd was lost; the last view of the members serves on')
    } else {
      this.#log.debug(fields, 'Still no etcd within reach')
    }
    this.#state = 'disconnected'
  }
}

function ignore(): void {}
