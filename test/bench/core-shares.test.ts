import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitOf } from '../../bench/core-shares.js'

const shares = (serverCores: number, generatorCores: number) => ({
  callsPerSecond: 1,
  serverCores,
  generatorCores,
})

test('the server is the limit while all its threads are busy, whatever the load takes', () => {
  assert.equal(limitOf(shares(0.97, 0.95), 1, 2), 'server')
  assert.equal(limitOf(shares(1.9, 0.5), 2, 4), 'server')
})

test('the load is the limit when it is busy, or when both have all cores and the threads could use more', () => {
  assert.equal(limitOf(shares(1.1, 0.95), 2, 4), 'load')
  assert.equal(limitOf(shares(1.2, 0.7), 2, 2), 'load')
})

test('neither is the limit when cores are left and nobody is busy', () => {
  assert.equal(limitOf(shares(0.5, 0.5), 2, 4), 'neither')
})
