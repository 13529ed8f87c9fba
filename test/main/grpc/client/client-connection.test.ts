import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClientConnection } from '../../../../src/main/grpc/client/client-connection.js'
import { ReceiveBudget } from '../../../../src/main/grpc/client/download.js'
import { CLIENT_DEFAULTS } from '../../../../src/main/grpc/client/options.js'
import { PendingCall } from '../../../../src/main/grpc/client/pending-call.js'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { HpackEncoder } from '../../../../src/main/grpc/http2/hpack-encoder.js'
import { SettingId } from '../../../../src/main/grpc/http2/settings.js'
import { BufferPool, OutputBuffer } from '../../../../src/main/sockets/output-buffer.js'
import type { Transport } from '../../../../src/main/sockets/transport.js'
import type { UnaryReply } from '../../../../src/main/unary-caller.js'
import { END_BOTH, END_HEADERS, SETTINGS_ACK } from '../../../support/frame-server.js'
import { frame, headersFrame, messageFrame, settingsFrame, uint32 } from '../../../support/http2-frames.js'
import { Prng, seedOf } from '../../../support/prng.js'

const CALLS = 8

/** A connection without its socket, and some calls on it. */
class Fixture implements Transport {
  readonly connection: ClientConnection
  readonly replies: (UnaryReply | undefined)[] = new Array(CALLS).fill(undefined)
  readonly faults: unknown[] = []
  readonly budget = new ReceiveBudget(1 << 20)
  unsentBytes = 0
  #deferred: (() => void)[] = []
  #waiting: PendingCall[] = []

  constructor() {
    const context = {
      limits: { ...CLIENT_DEFAULTS, receiveBytesMax: 50_000, streamWindowBytes: 20_000 },
      commons: { scheme: 'http', authority: 'test', userAgent: 'test' },
      budget: this.budget,
      pool: new BufferPool(),
      defer: (run: () => void) => this.#deferred.push(run),
      keepaliveTimeMs: 1000,
      nowMs: () => 0,
    }
    this.connection = new ClientConnection(context, this, {
      onReady: () => this.#open(),
      onRoom: () => this.#open(),
      onDraining: () => {},
      onTooManyPings: () => {},
      onUnprocessed: (call) => call.settle(14, 'unprocessed'),
      onFault: (error) => this.faults.push(error),
      onClosed: () => {},
    })
    for (let index = 0; index < CALLS; index++) {
      const resolve = (reply: UnaryReply) => {
        assert.equal(this.replies[index], undefined, 'A call was settled twice')
        this.replies[index] = reply
      }
      const owner = { onSettled: () => {} }
      const request = Buffer.alloc(index * 100, index)
      this.#waiting.push(
        new PendingCall(owner, '/a/b', request, Number.POSITIVE_INFINITY, undefined, resolve),
      )
    }
    this.connection.start()
  }

  receive(bytes: Buffer): void {
    // The bytes are the socket's: what is used later must have been copied, or stay as it is.
    this.connection.receive(Buffer.from(bytes))
    for (const run of this.#deferred.splice(0)) run()
  }

  /** Ends the socket; calls that never went out count as ended with it. */
  end(): void {}

  lose(): void {
    this.connection.onTransportClosed()
    for (const call of this.#waiting.splice(0)) call.settle(14, 'never sent')
  }

  send(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  handOver(): void {}

  destroy(): void {}

  #open(): void {
    while (this.connection.hasRoom && this.#waiting.length > 0) this.connection.open(this.#waiting.shift()!)
  }
}

/** Everything that a good server says to the calls of a {@link Fixture}, and the answers in it. */
function goodStream(random: Prng): { bytes: Buffer; answers: Buffer[] } {
  const encoder = new HpackEncoder((name) => random.below(2) === 0 || name === 'grpc-status')
  const encode = (...fields: readonly string[]): Buffer => {
    const output = new OutputBuffer(new BufferPool())
    encoder.write(fields, output)
    return Buffer.from(output.view())
  }
  const parts = [settingsFrame([SettingId.INITIAL_WINDOW_SIZE, 300]), SETTINGS_ACK]
  const answers: Buffer[] = []
  for (let index = 0; index < CALLS; index++) {
    const streamId = 2 * index + 1
    const answer = Buffer.alloc(random.below(4) === 0 ? random.below(45_000) : random.below(60), index)
    answers.push(answer)
    if (random.below(3) === 0) parts.push(headersFrame(streamId, encode(':status', '103')))
    parts.push(
      headersFrame(
        streamId,
        encode(':status', '200', 'content-type', 'application/grpc', 'x', `${random.below(3)}`),
      ),
    )
    if (random.below(2) === 0) parts.push(frame(FrameType.PING, 0, 0, Buffer.alloc(8)))
    const body = messageFrame(streamId, answer, 0).subarray(9)
    const pieceBytes = 1 + random.below(16_000)
    for (let offset = 0; offset < body.length; offset += Math.max(pieceBytes, body.length >> 4)) {
      const piece = body.subarray(offset, offset + Math.max(pieceBytes, body.length >> 4))
      parts.push(frame(FrameType.DATA, 0, streamId, piece.subarray(0, 16_384)))
      assert.ok(piece.length <= 16_384)
    }
    if (random.below(2) === 0) parts.push(frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(1000)))
    parts.push(headersFrame(streamId, encode('grpc-status', '0', 'y', `${random.below(5)}`), END_BOTH))
  }
  return { bytes: Buffer.concat(parts), answers }
}

function feed(fixture: Fixture, bytes: Buffer, random: Prng): void {
  for (let offset = 0; offset < bytes.length; ) {
    const count = 1 + random.below(random.below(3) === 0 ? 20_000 : 40)
    fixture.receive(bytes.subarray(offset, offset + count))
    offset += count
  }
}

function mutate(bytes: Buffer, random: Prng): Buffer {
  let mutated = Buffer.from(bytes)
  for (let count = 1 + random.below(5); count > 0; count--) {
    const at = random.below(mutated.length)
    switch (random.below(5)) {
      case 0:
        mutated[at] = random.below(256)
        break
      case 1:
        mutated[at]! ^= 1 << random.below(8)
        break
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1 + random.below(30))])
        break
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(random.below(mutated.length))])
        break
      default: {
        const type = random.below(11)
        const flags = random.below(2) === 0 ? END_HEADERS : random.below(256) | Flag.END_STREAM
        const payload = Buffer.from(Array.from({ length: random.below(12) }, () => random.below(256)))
        const inserted = frame(type, flags, random.below(2 * CALLS + 2), payload)
        mutated = Buffer.concat([mutated.subarray(0, at), inserted, mutated.subarray(at)])
      }
    }
  }
  return mutated
}

describe('a client connection', () => {
  it('gets the same from a good server, however its bytes are cut', () => {
    const random = new Prng(seedOf())
    for (let round = 0; round < 100; round++) {
      const { bytes, answers } = goodStream(random)
      const fixture = new Fixture()
      feed(fixture, bytes, random)
      assert.deepEqual(fixture.faults, [])
      assert.deepEqual(
        fixture.replies.map((reply) => `${reply?.status} ${reply?.message}`),
        answers.map(() => '0 '),
      )
      for (const [index, answer] of answers.entries()) assert.ok(answer.equals(fixture.replies[index]!.body))
      assert.ok(fixture.budget.take(1 << 20), 'Memory of answers was not given back')
    }
  })

  it('survives whatever a server sends, and settles every call once', () => {
    const random = new Prng(seedOf())
    const statuses = new Set<number>()
    for (let round = 0; round < 1500; round++) {
      const fixture = new Fixture()
      feed(fixture, mutate(goodStream(random).bytes, random), random)
      fixture.lose()
      assert.deepEqual(fixture.faults, [])
      for (const reply of fixture.replies) {
        assert.ok(reply !== undefined, 'A call was never settled')
        statuses.add(reply.status)
      }
      assert.ok(fixture.budget.take(1 << 20), 'Memory of answers was not given back')
    }
    assert.ok(statuses.has(0) && statuses.has(13) && statuses.has(14), `only ${[...statuses]}`)
  })
})
