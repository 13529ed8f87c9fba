import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { TimeShare } from '../../../../src/main/grpc/http2/time-share.js'
import { TimeSlices } from '../../../../src/main/grpc/http2/time-slices.js'
import { GrpcHarness } from '../../../support/grpc-harness.js'
import { callBlock, frame, headersFrame, messageFrame } from '../../../support/http2-frames.js'

const PATH = '/test.Service/Get'

function call(streamId: number): Buffer {
  return Buffer.concat([headersFrame(streamId, callBlock(PATH)), messageFrame(streamId, Buffer.from('x'))])
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1)

/** A server whose clock goes on by a tenth of a millisecond with each look at it. */
function slow(options = {}): GrpcHarness {
  const harness = new GrpcHarness(options).method(PATH, (_call, reply) => reply?.(null, Buffer.from('y')))
  harness.start()
  let nowMs = 0
  harness.sliceNowMs = () => {
    nowMs += 0.1
    return nowMs
  }
  return harness
}

const answered = (harness: GrpcHarness) =>
  harness.frames(FrameType.HEADERS).filter(({ flags }) => (flags & Flag.END_STREAM) !== 0).length

describe('a read with more in it than a slice of time allows', () => {
  test('is worked at slice by slice, and nothing is read meanwhile', () => {
    const harness = slow()
    harness.receive(...ids(100).map(call))
    const first = answered(harness)
    assert.ok(first > 0 && first < 50, `${first}`)
    assert.equal(harness.paused, true)
    let slices = 1
    while (harness.turn()) slices++
    assert.ok(slices > 4, `${slices} slices`)
    assert.equal(answered(harness), 100)
    assert.equal(harness.paused, false)
    assert.equal(harness.turn(), false)
  })

  test('keeps its order with what the socket had read already', () => {
    const harness = slow()
    const bytes = Buffer.concat(ids(60).map(call))
    harness.receive(bytes.subarray(0, 3000)).receive(bytes.subarray(3000))
    while (harness.turn());
    assert.equal(answered(harness), 60)
    assert.equal(harness.ended, false)
  })

  test('that ends the connection has no further turn', () => {
    const harness = slow()
    harness.receive(...ids(50).map(call), frame(FrameType.PING, 0, 1), ...ids(50).map(call))
    while (harness.turn());
    assert.equal(harness.frames(FrameType.GOAWAY).length, 1)
    const sentBytes = harness.bytes.length
    harness.connection.http2.onTransportClosed()
    while (harness.turn());
    assert.equal(harness.bytes.length, sentBytes)
  })

  test('waits for a client that does not read, too', () => {
    const harness = slow({ unsentBytesMax: 65_536 })
    harness.unsentBytes = 70_000
    harness.receive(...ids(50).map(call))
    while (harness.turn());
    const stopped = answered(harness)
    assert.ok(stopped < 50)
    assert.equal(harness.paused, true)
    harness.unsentBytes = 0
    harness.connection.http2.onDrained()
    while (harness.turn());
    assert.equal(answered(harness), 50)
    assert.equal(harness.paused, false)
  })
})

/** A thread whose clock goes on when something is worked at, by hand. */
class Thread {
  nowMs = 0
  readonly slices = new TimeSlices({
    nowMs: () => this.nowMs,
    nextTurn: (run) => this.ends.push(run),
  })
  private ends: (() => void)[] = []

  /** The end of a turn; false when nobody waits for it. */
  endTurn(): boolean {
    const ends = this.ends.splice(0)
    assert.ok(ends.length <= 1, 'the end of a turn is waited for once')
    for (const end of ends) end()
    return ends.length > 0
  }
}

/** A connection that has so many pieces of work, each of which takes so long. */
class Worker {
  readonly time: TimeShare
  /** When each piece was done. */
  readonly doneAtMs: number[] = []
  private readonly thread: Thread
  private readonly pieceMs: number
  private left = 0
  private isWaiting = false

  constructor(thread: Thread, pieceMs: number) {
    this.thread = thread
    this.pieceMs = pieceMs
    this.time = new TimeShare(thread.slices)
  }

  read(pieces: number): void {
    this.left += pieces
    if (!this.isWaiting) this.work()
  }

  private readonly work = (): void => {
    this.isWaiting = false
    this.time.begin()
    while (this.left > 0 && !this.time.over()) {
      this.thread.nowMs += this.pieceMs
      this.doneAtMs.push(this.thread.nowMs)
      this.left--
    }
    if (this.left === 0) return
    this.isWaiting = true
    this.time.later(this.work)
  }
}

describe('a thread that many connections share', () => {
  test('works at those that wait in turn, for a millisecond at a time', () => {
    const thread = new Thread()
    const workers = Array.from({ length: 3 }, () => new Worker(thread, 0.125))
    for (const worker of workers) worker.read(16)
    do {
      const startedAtMs = thread.nowMs
      assert.equal(thread.endTurn(), true)
      assert.ok(thread.nowMs - startedAtMs <= 1.25, `${thread.nowMs - startedAtMs} ms`)
    } while (workers.some(({ doneAtMs }) => doneAtMs.length < 16))
    assert.equal(thread.nowMs, 6)
    const ends = workers.map(({ doneAtMs }) => doneAtMs.at(-1)!)
    assert.ok(Math.max(...ends) - Math.min(...ends) <= 0.5, `${ends}`)
  })

  test('looks at what it reads for a millisecond, and has the others wait for the end of the turn', () => {
    const thread = new Thread()
    const workers = Array.from({ length: 50 }, () => new Worker(thread, 0.2))
    for (const worker of workers) worker.read(1)
    // Three that are not counted, and five or six in a millisecond.
    const done = workers.filter(({ doneAtMs }) => doneAtMs.length > 0).length
    assert.ok(done >= 8 && done <= 9, `${done}`)
    while (thread.endTurn());
    assert.ok(workers.every(({ doneAtMs }) => doneAtMs.length === 1))
  })

  test('lets those go first that had less, however many the others are', () => {
    const thread = new Thread()
    const greedy = Array.from({ length: 50 }, () => new Worker(thread, 0.25))
    const polite = new Worker(thread, 0.01)
    const waitedMs: number[] = []
    for (let turn = 0; turn < 2000; turn++) {
      for (const worker of greedy) worker.read(1)
      // The last one that the system tells of.
      const askedAtMs = thread.nowMs
      const count = polite.doneAtMs.length
      polite.read(1)
      thread.endTurn()
      thread.endTurn()
      // Until then it counts as one that nobody knows.
      if (turn < 200) continue
      assert.ok(polite.doneAtMs.length > count)
      waitedMs.push(polite.doneAtMs.at(-1)! - askedAtMs)
    }
    assert.ok(Math.max(...waitedMs) <= 0.5, `${Math.max(...waitedMs)} ms`)
  })

  test('forgets nobody, however greedy it was', () => {
    const thread = new Thread()
    const glutton = new Worker(thread, 0.25)
    glutton.read(400)
    while (thread.endTurn());
    glutton.read(8)
    const others = Array.from({ length: 50 }, () => new Worker(thread, 0.25))
    for (let turn = 0; turn < 100; turn++) {
      for (const worker of others) worker.read(1)
      thread.endTurn()
    }
    assert.equal(glutton.doneAtMs.length, 408)
  })

  test('comes by at the end of a turn only where it has to: once in four reads', () => {
    const thread = new Thread()
    const worker = new Worker(thread, 0.01)
    let visits = 0
    for (let read = 0; read < 40; read++) {
      worker.read(1)
      visits += Number(thread.endTurn())
    }
    assert.equal(visits, 10)
  })
})
