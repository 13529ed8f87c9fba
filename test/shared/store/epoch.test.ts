import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { THREAD_COUNT_MAX } from '../../../src/shared/limits.js'
import { Epochs } from '../../../src/shared/store/epoch.js'

function epochsOf(threadCount: number): Epochs {
  const epochs = new Epochs()
  epochs.admit(threadCount - 1)
  return epochs
}

test('a retired epoch has passed when nobody is pinned', () => {
  const epochs = epochsOf(3)
  assert.equal(epochs.passed(epochs.retire()), true)
})

test('a pin from before holds an epoch back, one from after does not', () => {
  const epochs = epochsOf(3)
  epochs.pin(1)
  const epoch = epochs.retire()
  epochs.pin(2)
  assert.equal(epochs.passed(epoch), false)
  assert.equal(epochs.isPinned(1), true)
  epochs.unpin(1)
  assert.equal(epochs.isPinned(1), false)
  assert.equal(epochs.passed(epoch), true, 'thread 2 pinned after the epoch was closed')
  assert.equal(epochs.passed(epochs.retire()), false, 'but it holds the next one')
})

test('epochs may wrap around: the order holds and none of them means unpinned', () => {
  const epochs = epochsOf(2)
  new Int32Array(epochs.memory)[0] = 2 ** 31 - 3
  for (let i = 0; i < 4; i++) {
    epochs.pin(1)
    const epoch = epochs.retire()
    assert.equal(epochs.passed(epoch), false, `epoch ${epoch}`)
    epochs.unpin(1)
    assert.equal(epochs.passed(epoch), true)
    epochs.pin(1)
    assert.equal(epochs.passed(epoch), true, `a pin newer than ${epoch}`)
    epochs.unpin(1)
  }
  new Int32Array(epochs.memory)[0] = -3
  for (let i = 0; i < 4; i++) {
    epochs.pin(1)
    assert.equal(epochs.isPinned(1), true)
    assert.equal(epochs.passed(epochs.retire()), false)
  }
})

test('only admitted threads count, and there is a limit to them', () => {
  const epochs = epochsOf(1)
  epochs.pin(5)
  const epoch = epochs.retire()
  assert.equal(epochs.passed(epoch), true)
  epochs.admit(5)
  epochs.admit(2)
  assert.equal(epochs.passed(epoch), false)
  assert.throws(() => epochs.admit(THREAD_COUNT_MAX), { name: 'AssertionError' })
})

test('waitPassed() waits for another thread to unpin, and no longer than it was told', async () => {
  const epochs = epochsOf(2)
  epochs.pin(1)
  const epoch = epochs.retire()
  assert.equal(epochs.waitPassed(epoch, 20), false)

  const url = new URL('../../../src/shared/store/epoch.js', import.meta.url).href
  const worker = new Worker(
    `import('${url}').then(({ Epochs }) => new Epochs(require('node:worker_threads').workerData).unpin(1))`,
    { eval: true, workerData: epochs.memory },
  )
  assert.equal(epochs.waitPassed(epoch, 10_000), true)
  await worker.terminate()
})
