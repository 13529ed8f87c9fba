import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capacityRatio, limitOf, middleShares } from '../../bench/core-shares.js'

const shares = (serverCores: number, generatorCores: number) => ({
  callsPerSecond: 1,
  serverCores,
  generatorCores,
  threadCores: [serverCores / 2, serverCores / 2],
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

test('the capacity of two threads is what they do by CPU time', () => {
  const one = { ...shares(1, 0.9), callsPerSecond: 100 }
  assert.equal(capacityRatio(one, { ...shares(1.25, 0.75), callsPerSecond: 125 }), 2)
  assert.equal(capacityRatio(one, { ...shares(1.25, 0.75), callsPerSecond: 100 }), 1.6)
})

test('of several runs each figure is the one in the middle', () => {
  const runs = [shares(1, 0.3), shares(0.4, 0.2), shares(0.8, 0.9)]
  assert.deepEqual(middleShares(runs), { ...shares(0.8, 0.3), threadCores: [0.4, 0.4] })
})
