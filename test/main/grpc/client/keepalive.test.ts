import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Keepalive } from '../../../../src/main/grpc/client/keepalive.js'

describe('keepalive', () => {
  it('pings after silence, and gives up when nothing comes', () => {
    const keepalive = new Keepalive(100, 20, 0)
    assert.equal(keepalive.tick(99, true, false), 'none')
    assert.equal(keepalive.tick(100, true, false), 'ping')
    assert.equal(keepalive.tick(119, true, false), 'none')
    assert.equal(keepalive.tick(120, true, false), 'dead')
  })

  it('takes any bytes for life', () => {
    const keepalive = new Keepalive(100, 20, 0)
    assert.equal(keepalive.tick(100, true, false), 'ping')
    keepalive.noteReceived()
    assert.equal(keepalive.tick(120, true, false), 'none')
    assert.equal(keepalive.tick(219, true, false), 'none')
    assert.equal(keepalive.tick(220, true, false), 'ping')
  })

  it('leaves connections without calls alone', () => {
    const keepalive = new Keepalive(100, 20, 0)
    assert.equal(keepalive.tick(1000, false, false), 'none')
    assert.equal(keepalive.tick(1099, true, false), 'none')
    assert.equal(keepalive.tick(1100, true, false), 'ping')
    assert.equal(keepalive.tick(1200, false, false), 'none')
  })

  it('gives a server that reads nothing as long as a silent one', () => {
    const keepalive = new Keepalive(100, 20, 0)
    assert.equal(keepalive.tick(50, true, true), 'none')
    assert.equal(keepalive.tick(169, true, true), 'none')
    assert.equal(keepalive.tick(170, true, true), 'dead')
  })
})
