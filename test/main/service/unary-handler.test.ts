import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, it } from 'node:test'
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js'
import type { ServeOptions } from '../../../src/main/served-group.js'
import { unaryHandler } from '../../../src/main/service/unary-handler.js'

/** Runs a handler on a call without a server; `options` are those that the work saw. */
async function run(use: (options: ServeOptions) => unknown, deadline: number | Date = 5) {
  const call = Object.assign(new EventEmitter(), {
    request: 'ping',
    cancelled: false,
    metadata: new Metadata(),
    getDeadline: () => deadline,
  })
  let seen: ServeOptions | undefined
  const handler = unaryHandler<string, string>(async (request, { options }) => {
    seen = options
    use(options)
    return { response: `${request} pong` }
  })
  const response = await new Promise((resolve, reject) => {
    handler(call as unknown as ServerUnaryCall<string, string>, (error, value) =>
      error === null ? resolve(value) : reject(error),
    )
  })
  assert.ok(seen)
  return { call, response, options: seen }
}

describe('unary handler', () => {
  it('waits for no cancellation unless the signal is asked for', async () => {
    const { call, response } = await run((options) => options.deadlineMs)
    assert.equal(response, 'ping pong')
    assert.equal(call.listenerCount('cancelled'), 0)
  })

  it('gives the same signal each time', async () => {
    const { call } = await run((options) => assert.equal(options.signal, options.signal))
    assert.equal(call.listenerCount('cancelled'), 1)
  })

  it('a call that has ended cannot be cancelled any more', async () => {
    const { call, options } = await run((options) => options.signal)
    call.emit('cancelled')
    assert.equal(options.signal?.aborted, false)
  })

  it('a call that was cancelled before its signal was asked for has an aborted one', async () => {
    const { call, options } = await run(() => {})
    call.cancelled = true
    assert.equal(options.signal?.aborted, true)
  })

  it('a deadline in the past leaves 0 ms, none leaves Infinity', async () => {
    assert.equal((await run(() => {}, new Date(0))).options.deadlineMs, 0)
    assert.equal((await run(() => {}, Infinity)).options.deadlineMs, Number.POSITIVE_INFINITY)
  })

  it('what the work throws at once is the status, too', async () => {
    await assert.rejects(
      run(() => {
        throw new TypeError('secret')
      }),
      { code: 13, details: 'internal error' },
    )
  })
})
