import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { ProvenWindow } from '../../../../src/main/grpc/http2/proven-window.js'
import { BufferPool, OutputBuffer } from '../../../../src/main/sockets/output-buffer.js'
import { GrpcHarness } from '../../../support/grpc-harness.js'
import { callBlock, frame, headersFrame, messageFrame, uint32 } from '../../../support/http2-frames.js'
import { prng } from '../../../support/prng.js'

const KIB = 1024
const FIRST = 256 * KIB
const MOST = 16 * KIB * KIB
const ALLOWED_MAX = 2 ** 31 - 1

/** A window, and a client that answers when it is told to. */
class Client {
  readonly window = new ProvenWindow()
  readonly pings: Buffer[] = []
  private readonly output = new OutputBuffer(new BufferPool())

  /** Sends as much as there is room for, in pieces as an output does; answers how much that was. */
  take(): number {
    let lengthBytes = 0
    while (this.window.available > 0) {
      const piece = Math.min(this.window.available, 64 * KIB)
      this.spend(piece)
      lengthBytes += piece
    }
    return lengthBytes
  }

  spend(lengthBytes: number): void {
    this.window.spend(lengthBytes)
    this.window.mark(this.output)
    if (this.output.length === 0) return
    this.pings.push(Buffer.from(this.output.view()).subarray(9))
    this.output.discard()
  }

  answer(): boolean {
    return this.window.onPingAck(this.pings.shift()!, 0)
  }
}

describe('a window that asks for proof', () => {
  test('gives a client that allows all and answers nothing no more than the first limit', () => {
    const client = new Client()
    client.window.grow(2 ** 30)
    assert.equal(client.take(), FIRST)
    client.window.grow(1 << 20)
    assert.equal(client.take(), 0)
    assert.equal(client.pings.length, 1)
  })

  test('doubles with every answer, up to its end', () => {
    const client = new Client()
    client.window.grow(2 ** 30)
    const taken: number[] = []
    for (let round = 0; round < 12; round++) {
      taken.push(client.take())
      while (client.pings.length > 0) assert.equal(client.answer(), true)
    }
    assert.equal(taken[0], FIRST)
    assert.ok(taken[1]! > FIRST, `${taken}`)
    assert.ok(Math.max(...taken) <= MOST && taken.at(-1)! >= MOST / 2, `${taken}`)
  })

  test('is in nobody’s way whose own window is smaller', () => {
    const client = new Client()
    for (let round = 0; round < 100; round++) {
      assert.equal(client.take(), 65_535)
      // It has read all of it, and says so.
      client.window.grow(65_535)
      while (client.pings.length > 0) client.answer()
    }
  })

  test('takes no other answer for its own', () => {
    const client = new Client()
    client.window.grow(2 ** 30)
    assert.equal(client.window.onPingAck(Buffer.from('read?\0\0\0'), 0), false)
    client.take()
    assert.equal(client.window.onPingAck(Buffer.alloc(8), 0), false)
    assert.equal(client.take(), 0)
    const [ping] = client.pings
    assert.equal(client.answer(), true)
    assert.equal(client.window.onPingAck(ping!, 0), false)
  })

  test('never gives more than client and proofs allow, and in the end all that the client allows', () => {
    const seed = Date.now() >>> 0
    const random = prng(seed)
    for (let run = 0; run < 50; run++) {
      const client = new Client()
      let [allowed, sent, proven] = [65_535, 0, 0]
      const sentAtPing: number[] = []
      const answer = () => {
        client.answer()
        proven = sentAtPing.shift()!
      }
      for (let step = 0; step < 500; step++) {
        const draw = random()
        if (draw < 0.3) {
          const increment = 1 + Math.floor(2 ** (31 * random()))
          const isLegal = allowed - sent + increment <= ALLOWED_MAX
          assert.equal(client.window.grow(increment), isLegal, `seed ${seed}`)
          if (isLegal) allowed += increment
        } else if (draw < 0.5 && client.pings.length > 0) {
          answer()
        } else if (client.window.available > 0) {
          const lengthBytes = 1 + Math.floor(random() * Math.min(client.window.available, 200_000))
          const pings = client.pings.length
          client.spend(lengthBytes)
          sent += lengthBytes
          if (client.pings.length > pings) sentAtPing.push(sent)
        }
        assert.ok(client.window.available <= allowed - sent, `seed ${seed}`)
        assert.ok(client.window.available + sent - proven <= MOST, `seed ${seed}`)
      }
      for (let round = 0; sent < Math.min(allowed, 2 ** 29); round++) {
        assert.ok(round < 1000, `it got stuck: seed ${seed}`)
        while (client.window.available > 0) {
          const lengthBytes = Math.min(client.window.available, 64 * KIB)
          const pings = client.pings.length
          client.spend(lengthBytes)
          sent += lengthBytes
          if (client.pings.length > pings) sentAtPing.push(sent)
        }
        while (client.pings.length > 0) answer()
      }
    }
  })
})

describe('a connection with windows as wide as can be', () => {
  const PATH = '/test.Service/Get'
  const VALUE = Buffer.alloc(64 * KIB, 'v')

  function connected(): GrpcHarness {
    const harness = new GrpcHarness(
      {},
      {
        [PATH]: (_buffer, _start, _end, reply) => {
          const at = reply.reserve(VALUE.length)
          if (at >= 0) VALUE.copy(reply.buffer, at)
          return at >= 0
        },
      },
    )
    harness.method(PATH, (_call, reply) => reply?.(null, VALUE))
    harness.start([4, ALLOWED_MAX]).receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)))
    return harness
  }

  const call = (id: number) =>
    Buffer.concat([headersFrame(id, callBlock(PATH)), messageFrame(id, Buffer.from('k'))])
  const ids = Array.from({ length: 90 }, (_, index) => 2 * index + 1)
  const sentBytes = (harness: GrpcHarness) =>
    harness.frames(FrameType.DATA).reduce((sum, { payload }) => sum + payload.length, 0)

  test('is sent little while it does not show that it reads, and all of it once it does', () => {
    const harness = connected()
    harness.answersPings = false
    for (const id of ids) harness.receive(call(id)).turns()
    assert.ok(sentBytes(harness) <= FIRST, `${sentBytes(harness)}`)
    const proofs = harness.frames(FrameType.PING).filter(({ flags }) => flags === 0)
    assert.equal(proofs.length, 1)
    harness.answersPings = true
    harness.receive(frame(FrameType.PING, Flag.ACK, 0, proofs[0]!.payload)).turns()
    assert.equal(sentBytes(harness), ids.length * (5 + VALUE.length))
    assert.deepEqual(harness.faults, [])
  })

  test('is cut off when it never does', () => {
    const harness = connected()
    harness.answersPings = false
    for (const id of ids) harness.receive(call(id)).turns()
    for (let second = 0; second < 29; second++) harness.tick(1000)
    assert.equal(harness.destroyed, false)
    for (let second = 0; second < 3; second++) harness.tick(1000)
    assert.equal(harness.destroyed, true)
  })
})
