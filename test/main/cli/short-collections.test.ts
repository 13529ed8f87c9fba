import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { keepCollectionsShort } from '../../../src/main/cli/short-collections.js'

/** A thread that keeps most of what it allocates, and tells how large its space for new objects became. */
const KEEPER = `
  const { parentPort } = require('node:worker_threads')
  const v8 = require('node:v8')
  parentPort.once('message', () => {
    const kept = []
    for (let count = 0; count < 1_000_000; count++) kept.push({ count })
    const { space_size } = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    parentPort.postMessage(space_size)
  })
`

async function newSpaceMiB(): Promise<number> {
  const worker = new Worker(KEEPER, { eval: true })
  await once(worker, 'online')
  worker.postMessage('go')
  const [sizeBytes] = await once(worker, 'message')
  await worker.terminate()
  return sizeBytes / 2 ** 20
}

test('the young generation of no thread grows, not even after other threads have started', async () => {
  assert.ok((await newSpaceMiB()) >= 16)
  keepCollectionsShort()
  assert.ok((await newSpaceMiB()) <= 4)
  assert.ok((await newSpaceMiB()) <= 4)
})
