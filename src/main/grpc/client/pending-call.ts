import type { CancelSignal } from '../../../shared/cancel.js'
import { Code } from '../../../shared/errors.js'
import type { UnaryReply } from '../../unary-caller.js'
import type { Deadlined } from './deadlines.js'
import type { Download } from './download.js'
import type { ResponseHead } from './response-head.js'
import type { Upload } from './upload.js'

/** Who has a call at the moment: the queue that it waits in, or the connection that it went out on. */
export interface CallHolder {
  /** The call is over before its answer: it is to be forgotten here, and by the server if that knows of it. */
  abandon(call: PendingCall): void
}

/** Who made a call. */
export interface CallOwner {
  onSettled(call: PendingCall): void
}

const NOTHING = new Uint8Array(0)
const NONE: readonly string[] = Object.freeze([])

/**
 * One unary call, from its first moment to its status.
 *
 *     waiting ── a stream is opened ──► open ── trailers, reset, connection lost ──► settled
 *        ▲                               │
 *        └── not processed, once ────────┘          any ── deadline, cancelled ──► settled
 *
 * It waits while `streamId` is 0.
 */
export class PendingCall implements Deadlined {
  readonly path: string
  readonly request: Uint8Array
  readonly deadlineAtMs: number
  /** Names and values in turn, beside what all calls have. */
  readonly fields: readonly string[]
  heapIndex = -1
  holder: CallHolder | undefined
  streamId = 0
  /** It was sent or queued once before: it is not moved to another connection again. */
  moved = false
  settled = false
  /** What came of the response so far. */
  head: ResponseHead | undefined
  body: Uint8Array | undefined
  /** For a request that did not go out in one piece, and an answer that did not come in one. */
  upload: Upload | undefined
  download: Download | undefined
  private readonly owner: CallOwner
  private readonly signal: CancelSignal | undefined
  private readonly onAbort: (() => void) | undefined
  private readonly resolve: (reply: UnaryReply) => void

  constructor(
    owner: CallOwner,
    path: string,
    request: Uint8Array,
    deadlineAtMs: number,
    signal: CancelSignal | undefined,
    resolve: (reply: UnaryReply) => void,
    fields: readonly string[] = NONE,
  ) {
    this.fields = fields
    this.owner = owner
    this.path = path
    this.request = request
    this.deadlineAtMs = deadlineAtMs
    this.resolve = resolve
    this.signal = signal
    if (signal === undefined) return
    const onAbort = (): void => this.giveUp(Code.CANCELLED, 'caller went away')
    this.onAbort = onAbort
    signal.addEventListener('abort', onAbort)
  }

  onDeadline(): void {
    this.giveUp(Code.DEADLINE_EXCEEDED, 'deadline exceeded')
  }

  /** Ends the call from this side. */
  giveUp(status: number, message: string): void {
    if (this.settled) return
    this.holder?.abandon(this)
    this.settle(status, message)
  }

  /** Ends the call. Its holder has let go of it, or is about to. */
  settle(
    status: number,
    message: string,
    body: Uint8Array = NOTHING,
    trailers: readonly string[] = NONE,
  ): void {
    if (this.settled) return
    this.settled = true
    this.holder = undefined
    this.leaveStream()
    if (this.onAbort !== undefined) this.signal?.removeEventListener('abort', this.onAbort)
    this.owner.onSettled(this)
    this.resolve({ status, message, body, trailers })
  }

  /** What the stream was good for is void: the call ends, or begins anew on another. */
  leaveStream(): void {
    this.streamId = 0
    this.upload?.close()
    this.download?.close()
    this.upload = undefined
    this.download = undefined
    this.head = undefined
    this.body = undefined
  }
}
