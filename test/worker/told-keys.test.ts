import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unpackKeys } from '../../src/shared/key-pack.js'
import type { ToldKeysReply } from '../../src/shared/messages.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { operate } from '../../src/worker/operate.js'
import { TOLD_BYTES_MAX, TOLD_KEYS_MAX, ToldKeys } from '../../src/worker/told-keys.js'
import { ShardGroupFixture, settled } from '../support/shard-group-fixture.js'

/** What a group told in the turn that ends now. */
class Listener {
  readonly #told: ToldKeys
  readonly #replies: ToldKeysReply[] = []

  constructor(told: ToldKeys) {
    this.#told = told
    told.watch((reply) => this.#replies.push(reply))
  }

  take(): 'all' | string[] {
    this.#told.seal()
    const [reply, ...others] = this.#replies.splice(0)
    assert.deepEqual(others, [], 'one reply for the keys of a turn')
    if (reply === undefined) return []
    assert.equal(reply.group, 1)
    return reply.keys === 'all' ? 'all' : unpackKeys(reply.keys).map((key) => Buffer.from(key).toString())
  }
}

function listen(...parts: ConstructorParameters<typeof ShardGroupFixture>) {
  const fixture = new ShardGroupFixture(...parts)
  return { fixture, listener: new Listener(fixture.group.told) }
}

test('a key is told of when it is deleted, whether it was there or not', async () => {
  const { fixture, listener } = listen()
  await fixture.store('Tom', '630')
  assert.deepEqual(listener.take(), [], 'a first value is no change')
  fixture.remove('Tom')
  fixture.remove('nobody')
  assert.deepEqual(listener.take(), ['Tom', 'nobody'])
})

test('a key is told of when its value is another one, and not when it is the same', async () => {
  const { fixture, listener } = listen({ ttlMs: 100, notFoundTtlMs: 100 })
  await fixture.store('Tom', '630')
  fixture.clock.advance(100)
  await fixture.store('Tom', '630')
  assert.deepEqual(listener.take(), [])
  fixture.clock.advance(100)
  await fixture.store('Tom', '631')
  assert.deepEqual(listener.take(), ['Tom'])
  fixture.clock.advance(100)
  await fixture.store('Tom', '')
  assert.deepEqual(listener.take(), ['Tom'])
  fixture.clock.advance(100)
  const call = assert.rejects(fixture.get('Tom'), { code: 'NOT_FOUND' })
  await settled()
  await fixture.source.calls.at(-1)!.answer(null)
  await call
  assert.deepEqual(listener.take(), ['Tom'], '"not found" is not an empty value')
})

test('a key is told of when it expires, when it is evicted and when it is swept out', async () => {
  const { fixture, listener } = listen({ ttlMs: 100 })
  await fixture.store('Tom', '630')
  fixture.clock.advance(200)
  fixture.group.maintain()
  assert.deepEqual(listener.take(), ['Tom'])
  for (let i = 0; fixture.counter('evictions') === 0; i++) await fixture.store(`key${i}`, 'x'.repeat(900))
  assert.deepEqual(listener.take(), ['key0'])
  for (let from = 1; from !== 0; )
    from = fixture.group.sweep(from, (key) => Buffer.from(key).toString() !== 'key1')
  assert.deepEqual(listener.take(), ['key1'])
})

test('a value that is not kept is told of at once: nobody would tell of the next one', async () => {
  const { fixture, listener } = listen()
  await fixture.store('brief', { value: Buffer.from('x'), ttlMs: 0 })
  assert.deepEqual(listener.take(), ['brief'])
  const call = fixture.get('gone')
  await settled()
  fixture.remove('gone')
  await fixture.source.calls.at(-1)!.answer('x')
  await call
  assert.deepEqual(listener.take(), ['gone'])
  await fixture.store('large', 'x'.repeat(7000))
  assert.equal(fixture.counter('oversize'), 1)
  assert.deepEqual(listener.take(), ['large'])
})

test('all are told of when a group is cleared, and when it has moved', async () => {
  const { fixture, listener } = listen()
  await fixture.store('Tom', '630')
  fixture.group.clear()
  assert.equal(listener.take(), 'all')
  const memory = { store: allocateStore(4096), accessLog: new AccessLog().memory }
  await operate(fixture.group, { kind: 'resize', ...memory }, () => true)
  await operate(fixture.group, { kind: 'settle', usesNew: true }, () => true)
  assert.equal(listener.take(), 'all')
})

test('more keys in a turn than the limit become all, and the next turn begins anew', () => {
  const told = new ToldKeys(1)
  const listener = new Listener(told)
  const tell = (count: number): void => {
    for (let i = 0; i < count; i++) told.add(Buffer.from(`key${i}`))
  }
  tell(TOLD_KEYS_MAX)
  assert.equal(listener.take().length, TOLD_KEYS_MAX)
  tell(TOLD_KEYS_MAX + 1)
  assert.equal(listener.take(), 'all')
  tell(1)
  assert.deepEqual(listener.take(), ['key0'])
})

test('more bytes of keys in a turn than the limit become all', () => {
  const told = new ToldKeys(1)
  const listener = new Listener(told)
  const half = (byte: number): Buffer => Buffer.alloc(TOLD_BYTES_MAX / 2, byte)
  told.add(half(1))
  told.add(half(2))
  assert.equal(listener.take().length, 2)
  told.add(half(1))
  told.add(half(2))
  told.add(Buffer.from('x'))
  assert.equal(listener.take(), 'all')
  told.add(Buffer.alloc(TOLD_BYTES_MAX + 1))
  assert.equal(listener.take(), 'all')
})

test('nothing is noted while nobody watches', async () => {
  const fixture = new ShardGroupFixture()
  const { told } = fixture.group
  const replies: ToldKeysReply[] = []
  told.watch((reply) => replies.push(reply))
  told.watch(undefined)
  await fixture.store('Tom', '630')
  fixture.remove('Tom')
  fixture.group.clear()
  told.seal()
  assert.deepEqual(replies, [])
})
