import { status } from '@grpc/grpc-js'
import { StreamingCall, UnaryCall } from './call-objects.js'
import type { Handler, Method, UnaryCallback } from './method.js'
import { messageOf, readRequest, sendReply } from './serialization.js'
import type { CallListener, ServerCall } from './server-call.js'
import { callStatus, statusOfError } from './status.js'

/** Bit of a message's write flags: send it uncompressed (grpc-js, writeFlags.NoCompress). */
const NO_COMPRESS = 2

/** Counts handlers whose client has gone, so that a client cannot start any number of them by resetting its streams. */
export interface OrphanCounter {
  orphanCount: number
}

/** How long a handler counts that never calls back. */
const ORPHAN_MS = 60_000

/** Runs a call by the kind of its method. */
export function handleCall(call: ServerCall, method: Method, handler: Handler, orphans: OrphanCounter): void {
  switch (method.type) {
    case 'unary':
    case 'serverStream':
      call.waitsForRequest = true
      call.listener = new SingleRequest(call, method, handler, orphans)
      return
    case 'clientStream':
    case 'bidi': {
      const streaming = new StreamingCall(call, method)
      call.listener = streaming
      call.armDeadline()
      if (method.type === 'bidi') runHandler(call, handler, streaming)
      else runHandler(call, handler, streaming, new UnaryReply(call, method, orphans).callback)
    }
  }
}

/** Waits for the one request of a unary or server-streaming call, then runs the handler. */
class SingleRequest implements CallListener {
  private readonly call: ServerCall
  private readonly method: Method
  private readonly handler: Handler
  private readonly orphans: OrphanCounter
  private message: Buffer | undefined

  constructor(call: ServerCall, method: Method, handler: Handler, orphans: OrphanCounter) {
    this.call = call
    this.method = method
    this.handler = handler
    this.orphans = orphans
  }

  onMessage(message: Buffer): boolean {
    if (this.message !== undefined) {
      this.call.fail(status.UNIMPLEMENTED, `Received a second request message for ${this.method.path}`)
      return false
    }
    this.message = message
    return true
  }

  onEnd(): void {
    const { call, method } = this
    if (this.message !== undefined) {
      call.context.admission.admit(() => {
        this.answer()
        return false
      })
      call.armDeadline()
    } else {
      call.fail(status.UNIMPLEMENTED, `Received no request message for ${method.path}`)
    }
  }

  onCancelled(): void {
    this.message = undefined
  }

  onDrain(): void {}

  private answer(): void {
    const { call, method } = this
    // Cancelled, or out of time, while it waited for its turn.
    if (this.message === undefined || call.finished) return
    const request = readRequest(call, method, this.message)
    if (request === undefined) return
    if (method.type === 'serverStream') {
      const streaming = new StreamingCall(call, method)
      streaming.request = request.value
      call.listener = streaming
      runHandler(call, this.handler, streaming)
    } else {
      const unary = new UnaryCall(call, request.value)
      const reply = new UnaryReply(call, method, this.orphans)
      const tell = (): void => void unary.emit('cancelled', 'cancelled')
      reply.onCancelled = tell
      call.listener = reply
      runHandler(call, this.handler, unary, reply.callback)
    }
  }
}

/** The one reply of a unary or client-streaming call. */
class UnaryReply implements CallListener {
  onCancelled: () => void = () => {}
  private readonly call: ServerCall
  private readonly method: Method
  private answered = false
  private release: (() => void) | undefined

  constructor(call: ServerCall, method: Method, orphans: OrphanCounter) {
    this.call = call
    this.method = method
    const onAbandoned = (): void => {
      if (!this.answered) this.release = countOrphan(orphans)
    }
    call.onAbandoned = onAbandoned
  }

  readonly callback: UnaryCallback = (error, value, trailers, flags) => {
    if (this.answered) return
    this.answered = true
    this.release?.()
    if (error !== null && error !== undefined && error !== false) {
      this.call.sendStatus(statusOfError(error, trailers))
      return
    }
    sendReply(this.call, this.method, value, ((flags ?? 0) & NO_COMPRESS) === 0)
    this.call.sendStatus(callStatus(status.OK, 'OK', trailers ?? null))
  }

  onMessage(): boolean {
    return false
  }

  onEnd(): void {}

  onDrain(): void {}
}

function countOrphan(orphans: OrphanCounter): () => void {
  orphans.orphanCount++
  let counted = true
  const release = (): void => {
    if (!counted) return
    counted = false
    clearTimeout(timer)
    orphans.orphanCount--
  }
  const timer = setTimeout(release, ORPHAN_MS)
  timer.unref()
  return release
}

/** A handler that throws, or whose promise rejects, fails its call and nothing else. */
function runHandler(call: ServerCall, handler: Handler, callObject: unknown, callback?: UnaryCallback): void {
  const failed = (error: unknown): void => {
    const failure = callStatus(status.UNKNOWN, `Server method handler threw error ${messageOf(error)}`)
    if (callObject instanceof StreamingCall) callObject.fail(failure)
    else call.sendStatus(failure)
  }
  try {
    const result = handler(callObject, callback)
    if (result instanceof Promise) result.catch(failed)
  } catch (error) {
    failed(error)
  }
}
