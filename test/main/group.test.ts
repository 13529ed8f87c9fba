import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../../src/main/call.js'
import { Group } from '../../src/main/group.js'
import { GroupOperations } from '../../src/main/group-operations.js'
import { HotCopies } from '../../src/main/hot-copies.js'
import type { Invalidated } from '../../src/main/invalidations.js'
import { LocalGroup } from '../../src/main/local-group.js'
import type { Peer } from '../../src/main/peer.js'
import { PeerRoute } from '../../src/main/peer-route.js'
import { systemClock } from '../../src/shared/clock.js'
import { CopyFence } from '../../src/shared/copy-fence.js'
import { GroupCounters } from '../../src/shared/counters.js'
import { CacheError } from '../../src/shared/errors.js'
import { GroupReader } from '../../src/shared/group-reader.js'
import { NodeCounters } from '../../src/shared/node-counters.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { ReaderPin } from '../../src/shared/store/reader-pin.js'
import { settled } from '../support/shard-group-fixture.js'

const TOM = Buffer.from('Tom')

/** A call that waits for the test. */
interface Held {
  readonly what: string
  answer(value?: string): Promise<void>
  fail(): Promise<void>
}

/** A group whose keys belong to a peer; the peers' calls, and those to the owner of its own shard, wait for the test. */
class HeldGroup {
  readonly group: Group
  readonly told: string[] = []
  readonly calls: Held[] = []

  constructor() {
    const [epochs, seed] = [new Epochs(), { k0: 1, k1: 2 }]
    epochs.admit(0)
    const counters = new GroupCounters(1)
    const stores = [{ store: allocateStore(1 << 16), accessLog: AccessLog.allocate() }]
    const fence = new CopyFence()
    const view = {
      id: 1,
      name: 'g',
      keyBytesMax: 100,
      staleMs: 0,
      stores,
      counters: counters.memory,
      copyFence: fence.memory,
    }
    const reader = new GroupReader(view, { pin: new ReaderPin(epochs, 0, systemClock), thread: 0, seed })
    const owner = {
      load: async () => ({ ...(await this.#hold('load')), ttlLeftMs: 1000 }),
      remove: async () => void (await this.#hold('remove')),
      keep: () => {},
      clear: async () => {},
      setPolicy: async () => {},
    }
    const name = 'g'
    const local = new LocalGroup({ id: 1, self: () => 'self', reader, owners: [owner] })
    const peers = { owns: () => false, pick: () => [this.#peer('owner'), this.#peer('next')] }
    const invalidations = {
      watch: () => () => {},
      covers: () => false,
      tell: (group: string, keys: Invalidated) => {
        this.told.push(`${group} ${keys === 'all' ? keys : keys.map((key) => Buffer.from(key))}`)
      },
    }
    const clock = systemClock
    const memory = { share: 0, ttlMs: 1000, maxBytes: 1 << 16 }
    const copies = new HotCopies({ name, ...memory, reader, fence, invalidations, clock, keep: () => {} })
    this.group = new Group({
      name,
      self: () => 'self',
      local,
      operations: new GroupOperations({ id: 1, shards: [], seed, switchReaders: async () => {} }),
      peers,
      route: new PeerRoute({ name, local, peers, invalidations, copies, clock }),
      invalidations,
      keyBytesMax: 100,
      metrics: new NodeCounters().row(0, 'main').front('embed'),
    })
  }

  /** The call that was made last, which is to be that. */
  last(what: string): Held {
    const call = this.calls.at(-1)
    assert.equal(call?.what, what)
    return call!
  }

  #peer(address: string): Peer {
    return {
      address,
      fetch: () => this.#hold(`fetch from ${address}`),
      fetchMany: async () => [],
      remove: async () => void (await this.#hold(`remove at ${address}`)),
    }
  }

  #hold(what: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        what,
        answer: (value = '') => {
          resolve({ value: Buffer.from(value), outcome: 'load', answeredBy: what, ttlLeftMs: 1000 })
          return settled()
        },
        fail: () => {
          reject(new CacheError('UNAVAILABLE', what))
          return settled()
        },
      })
    })
  }
}

async function fetching() {
  const held = new HeldGroup()
  const answer = held.group.fetch(TOM)
  await settled()
  return { held, answer }
}

test('what the owner answers may be kept; what another answers, or this node loads, is told of ahead of it', async () => {
  const one = await fetching()
  await one.held.last('fetch from owner').answer()
  await one.answer
  assert.deepEqual(one.held.told, [])

  const two = await fetching()
  await two.held.last('fetch from owner').fail()
  assert.deepEqual(two.held.told, [])
  await two.held.last('fetch from next').answer()
  assert.deepEqual(two.held.told, ['g Tom'])
  await two.answer

  const three = await fetching()
  await three.held.last('fetch from owner').fail()
  await three.held.last('fetch from next').fail()
  assert.deepEqual(three.held.told, [])
  await three.held.last('load').answer()
  assert.deepEqual(three.held.told, ['g Tom'])
  await three.answer
})

test('a delete at another node is told of here when that node has answered, whatever it says', async () => {
  for (const end of ['answer', 'fail'] as const) {
    const held = new HeldGroup()
    const removed = held.group.remove(TOM).catch((error: unknown) => error)
    const [atOwner, here] = [...held.calls].sort((one, other) => other.what.length - one.what.length)
    await here!.answer()
    assert.deepEqual(held.told, [])
    await atOwner![end]()
    assert.deepEqual(held.told, ['g Tom'])
    assert.equal((await removed) instanceof CacheError, end === 'fail')
  }
})

test('who asks after a key was told of joins no call from before', async () => {
  for (const keys of [[TOM], 'all'] as const) {
    const { held, answer } = await fetching()
    const joined = held.group.fetch(TOM)
    await settled()
    assert.equal(held.calls.length, 1)
    held.group.forgetPeerCalls(keys)
    const later = held.group.fetch(TOM)
    await settled()
    assert.equal(held.calls.length, 2)
    await held.calls[0]!.answer('old')
    await held.calls[1]!.answer('new')
    for (const old of [answer, joined]) assert.equal(String((await old).value), 'old')
    assert.equal(String((await later).value), 'new')
  }
})

test('nor a load from before', async () => {
  for (const keys of [[TOM], 'all'] as const) {
    const held = new HeldGroup()
    const early = held.group.fetch(TOM, { forwarded: true })
    await settled()
    held.group.forgetLoads(keys)
    const late = held.group.fetch(TOM, { forwarded: true })
    await settled()
    assert.equal(held.calls.length, 2)
    await held.calls[0]!.answer('old')
    await held.calls[1]!.answer('new')
    assert.deepEqual([String((await early).value), String((await late).value)], ['old', 'new'])
  }
})
