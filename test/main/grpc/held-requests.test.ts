import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeldPool, HeldRequests } from '../../../src/main/grpc/held-requests.js'

const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1)

function holding(...streamIds: readonly number[]): HeldRequests<string> {
  const held = new HeldRequests<string>(new HeldPool())
  for (const id of streamIds) {
    assert.equal(held.inTheWayOf(id), 0)
    held.add(id).shape = `shape ${id}`
  }
  return held
}

test('a thousand requests find room, and are found again', () => {
  const held = holding(...ids(1000))
  assert.equal(held.count, 1000)
  for (const id of ids(1000)) assert.equal(held.find(id)?.shape, `shape ${id}`)
  assert.equal(held.find(2001), undefined)
  assert.deepEqual(
    held.streamIds().sort((a, b) => a - b),
    ids(1000),
  )
})

test('more do not: the one in the way is named, and its place is free once it has left', () => {
  const held = holding(...ids(1024))
  assert.equal(held.inTheWayOf(2049), 1)
  held.free(held.find(1)!)
  assert.equal(held.inTheWayOf(2049), 0)
  held.add(2049)
  assert.equal(held.find(1), undefined)
  assert.equal(held.find(2049)?.shape, undefined)
  assert.equal(held.count, 1024)
})

test('numbers that skip far ahead take no more places than a thousand', () => {
  const held = holding(1)
  assert.equal(held.inTheWayOf(1 + 2 * 4096), 1)
})

test('what was added to the window of an earlier request is not there for the next', () => {
  const held = holding(1)
  const first = held.find(1)!
  first.windowBytes = 100
  held.free(first)
  assert.equal(held.add(33).windowBytes, 0)
})

test('all are forgotten with the connection', () => {
  const held = holding(...ids(100))
  held.clear()
  assert.equal(held.count, 0)
  assert.deepEqual(held.streamIds(), [])
})

test('the objects of a connection that is over are those of the next, and know nothing of it', () => {
  const pool = new HeldPool<string>()
  const first = new HeldRequests<string>(pool)
  const objects = ids(16).map((id) => first.add(id))
  objects[0]!.shape = 'shape'
  first.keepBody(objects[0]!, Buffer.from('body'), 0, 4)
  objects[0]!.waitsFor = 'room'
  first.free(first.find(3)!)
  first.clear()
  assert.equal(pool.bodies.usedCount, 0)
  const second = new HeldRequests<string>(pool)
  const again = ids(16).map((id) => second.add(id))
  assert.ok(again.every((held) => objects.includes(held)))
  assert.equal(new Set(again).size, 16)
  assert.ok(again.every(({ shape, body, waitsFor }) => (shape ?? waitsFor) === undefined && body === 0))
  assert.equal(first.find(1), undefined)
})
