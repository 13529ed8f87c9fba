import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShardClient } from '../../../src/main/workers/shard-client.js'
import { Cancel } from '../../../src/shared/cancel.js'
import type { ShardRequest } from '../../../src/shared/messages.js'

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A client whose thread only notes what it is sent. */
function connected(): { client: ShardClient; sent: ShardRequest[] } {
  const sent: ShardRequest[] = []
  const getters = { run: () => Promise.reject(new Error('no getter runs here')) }
  const client = new ShardClient(getters, () => {})
  client.connect({ send: (requests) => sent.push(...requests) })
  client.onStart()
  return { client, sent }
}

const load = (client: ShardClient, text: string, cancel: Cancel) => {
  const request = { group: 1, key: Buffer.from(text), hash: 1, deadlineMs: 1000, ttlMsMax: 1000 }
  return client.load(request, cancel)
}

const kinds = (sent: readonly ShardRequest[]) => sent.map(({ kind }) => kind)

test('a load that is given up in the turn in which it was asked for is never sent', async () => {
  const { client, sent } = connected()
  const cancel = new Cancel()
  const given = load(client, 'given up', cancel)
  void load(client, 'kept', new Cancel())
  cancel.abort()
  await assert.rejects(given, { code: 'CANCELLED' })
  await nextTurn()
  assert.deepEqual(
    sent.map((request) => request.kind === 'load' && Buffer.from(request.key).toString()),
    ['kept'],
  )
})

test('one that is given up later is cancelled by a message', async () => {
  const { client, sent } = connected()
  const cancel = new Cancel()
  void load(client, 'given up', cancel)
  await nextTurn()
  cancel.abort()
  await nextTurn()
  assert.deepEqual(kinds(sent), ['load', 'cancel'])
})

test('calls that were all given up leave nothing behind that would stop later ones', async () => {
  const { client, sent } = connected()
  const cancel = new Cancel()
  const given = load(client, 'given up', cancel)
  cancel.abort()
  await assert.rejects(given)
  void client.clear(1)
  await nextTurn()
  assert.deepEqual(kinds(sent), ['clear'])
})
