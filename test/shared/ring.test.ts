import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from '../../src/shared/crc32.js'
import { Ring } from '../../src/shared/ring.js'
import { prng } from '../support/prng.js'

const three = ['127.0.0.1:8001', '127.0.0.1:8002', '127.0.0.1:8003']
const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)

function randomAddresses(random: () => number, count: number): string[] {
  const octet = () => Math.floor(random() * 256)
  return Array.from({ length: count }, () => `${octet()}.${octet()}.${octet()}.${octet()}:${8000 + octet()}`)
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function keys(count: number): Buffer[] {
  const random = prng(seed)
  return Array.from({ length: count }, (_, index) => Buffer.from(`${random()}:${index}`))
}

/** The definition, word for word and without any cleverness. */
function ownerByDefinition(
  addresses: readonly string[],
  replicas: number,
  hash: (bytes: Uint8Array) => number,
) {
  const points = addresses.flatMap((address) =>
    Array.from({ length: replicas }, (_, i) => ({ address, at: hash(Buffer.from(String(i) + address)) })),
  )
  points.sort((a, b) => a.at - b.at || (a.address < b.address ? -1 : 1))
  return (key: Uint8Array) => (points.find(({ at }) => at >= hash(key)) ?? points[0])?.address
}

describe('Ring', () => {
  test('picks the owners that every node of the ring must pick', () => {
    const ring = new Ring(three)
    assert.equal(ring.owner(Buffer.from('Tom')), '127.0.0.1:8002')
    assert.equal(ring.owner(Buffer.from('Tom1')), '127.0.0.1:8003')
    assert.equal(ring.owner(Buffer.from('Tom2')), '127.0.0.1:8003')
    const without = new Ring(three.filter((address) => address !== '127.0.0.1:8002'))
    assert.equal(without.owner(Buffer.from('Tom')), '127.0.0.1:8001')
  })

  test('does what its definition says, with a good hash and with one full of collisions', () => {
    const random = prng(seed)
    for (const hash of [crc32, (bytes: Uint8Array) => crc32(bytes) % 97]) {
      const addresses = randomAddresses(random, 9)
      const ring = new Ring(addresses, { replicas: 20, hash })
      const expected = ownerByDefinition(addresses, 20, hash)
      for (const key of keys(2000)) assert.equal(ring.owner(key), expected(key), `seed ${seed}, key ${key}`)
    }
  })

  test('depends neither on the order of the addresses nor on how often they are named', () => {
    const random = prng(seed)
    const addresses = randomAddresses(random, 12)
    const ring = new Ring(addresses)
    const other = new Ring(shuffled([...addresses, ...addresses], random))
    assert.deepEqual(other.members, ring.members)
    assert.deepEqual(other.shares(), ring.shares())
    for (const key of keys(2000)) assert.equal(other.owner(key), ring.owner(key), `seed ${seed}`)
  })

  test('moves only the keys of a member that left', () => {
    const addresses = randomAddresses(prng(seed), 10)
    const left = addresses[3]!
    const before = new Ring(addresses)
    const after = new Ring(addresses.filter((address) => address !== left))
    let moved = 0
    for (const key of keys(5000)) {
      const [owner, next] = before.owners(key, 2)
      assert.equal(after.owner(key), owner === left ? next : owner, `seed ${seed}`)
      if (owner === left) moved++
    }
    assert.ok(moved > 0)
  })

  test('keeps a point that two addresses share when one of them leaves', () => {
    const short = '92.168.0.1'
    const long = '192.168.0.1'
    // What stands at 1 + long stands at 11 + short too; this hash finds no other point near it.
    const shared = crc32(Buffer.from('1192.168.0.1'))
    const key = Uint8Array.of(7)
    const hash = (bytes: Uint8Array) => (bytes === key ? shared : crc32(bytes))
    assert.equal(new Ring([short, long], { hash }).owner(key), long)
    assert.equal(new Ring([long, short], { hash }).owner(key), long)
    assert.equal(new Ring([short], { hash }).owner(key), short)
    assert.equal(new Ring([long], { hash }).owner(key), long)
  })

  test('names the takers-over in ring order, each once', () => {
    const addresses = randomAddresses(prng(seed), 6)
    const ring = new Ring(addresses)
    for (const key of keys(500)) {
      const owners = ring.owners(key, 10)
      assert.equal(owners[0], ring.owner(key))
      assert.deepEqual([...owners].sort(), ring.members)
      assert.deepEqual(ring.owners(key, 3), owners.slice(0, 3))
      // Every one of them takes over when those before it are gone.
      const gone = new Set(owners.slice(0, 2))
      assert.equal(new Ring(addresses.filter((address) => !gone.has(address))).owner(key), owners[2])
    }
    assert.deepEqual(ring.owners(Buffer.from('Tom'), 0), [])
  })

  test('shares add up to one and foretell how many keys each member gets', () => {
    const ring = new Ring(three)
    const shares = ring.shares()
    assert.deepEqual([...shares.keys()], three)
    const total = [...shares.values()].reduce((sum, share) => sum + share, 0)
    assert.ok(Math.abs(total - 1) < 1e-9, `sum is ${total}`)
    const counts = new Map<string, number>()
    for (const key of keys(60_000)) {
      const owner = ring.owner(key)!
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    for (const [address, share] of shares) {
      assert.ok(Math.abs(counts.get(address)! / 60_000 - share) < 0.02, `${address}: ${share}`)
    }
    assert.deepEqual(new Ring(['a:1']).shares(), new Map([['a:1', 1]]))
  })

  test('is empty without members', () => {
    const ring = new Ring([])
    assert.equal(ring.owner(Buffer.from('Tom')), undefined)
    assert.deepEqual(ring.owners(Buffer.from('Tom'), 3), [])
    assert.deepEqual(ring.shares(), new Map())
    assert.deepEqual(ring.members, [])
  })

  test('takes a hash that gives signed numbers', () => {
    const ring = new Ring(three, { hash: (bytes) => crc32(bytes) | 0 })
    assert.equal(ring.owner(Buffer.from('Tom')), '127.0.0.1:8002')
  })

  test('refuses replicas that are no count', () => {
    for (const replicas of [0, -1, 1.5, Number.NaN, 1e9]) {
      assert.throws(() => new Ring(three, { replicas }), { code: 'INVALID_ARGUMENT' })
    }
  })
})
