import { HotFrame } from './hot-frame.js'
import { LiveCalls } from './live-calls.js'
import { BUFFERED_BYTES_MAX, CloseCode, CONNECTIONS_MAX } from './live-limits.js'
import type { LiveParts, LivePlanes, LiveSocket } from './live-parts.js'
import { LiveSession } from './live-session.js'
import { StatsFeed } from './stats-feed.js'

const TICK_MS = 1000

/** One connection, as the server that has it sees it. */
export interface LiveConnection {
  /** Takes a message; the bytes may be used again afterwards. */
  receive(bytes: Uint8Array, isBinary: boolean): void
  /** Bytes were taken from the socket. */
  drained(): void
  /** The connection has ended. */
  closed(): void
}

/**
 * All WebSocket connections of one thread to one address. One timer looks after all of them, and none runs while there
 * are none.
 */
export class LiveHub {
  readonly #parts: LiveParts
  readonly #calls: LiveCalls
  readonly #hot: HotFrame | undefined
  readonly #sessions = new Set<LiveSession>()
  #stop: (() => void) | undefined
  #isClosed = false

  constructor(parts: LiveParts, planes: LivePlanes) {
    this.#parts = parts
    this.#calls = new LiveCalls(parts, planes, new StatsFeed(parts))
    this.#hot = planes.data ? new HotFrame(parts) : undefined
  }

  /** Begins to serve a socket that is open. */
  open(socket: LiveSocket): LiveConnection {
    const { every, metrics } = this.#parts
    const session = new LiveSession(socket, { calls: this.#calls, hot: this.#hot, metrics })
    if (this.#isClosed) session.close(CloseCode.GOING_AWAY, 'The node shuts down')
    else if (this.#sessions.size >= CONNECTIONS_MAX) {
      metrics?.connectionRefused()
      session.close(CloseCode.TRY_AGAIN_LATER, `There are ${CONNECTIONS_MAX} connections`)
    } else {
      this.#sessions.add(session)
      metrics?.connectionOpened()
      this.#stop ??= every(TICK_MS, () => this.#tick())
    }
    return {
      receive: (bytes, isBinary) => session.receive(bytes, isBinary),
      drained: () => session.drained(),
      closed: () => {
        session.closed()
        this.#forget(session)
      },
    }
  }

  /** Ends all connections, and those that still come. */
  close(): void {
    this.#isClosed = true
    for (const session of this.#sessions) {
      session.close(CloseCode.GOING_AWAY, 'The node shuts down')
      this.#forget(session)
    }
  }

  #tick(): void {
    const nowMs = this.#parts.clock.nowMs()
    for (const session of this.#sessions) {
      session.tick(nowMs)
      if (session.isClosed) this.#forget(session)
    }
    this.#bound()
  }

  /** Many slow clients, each within its own bound, must not fill the memory together. */
  #bound(): void {
    let bytes = 0
    for (const { bufferedBytes } of this.#sessions) bytes += bufferedBytes
    if (bytes <= BUFFERED_BYTES_MAX) return
    for (const session of [...this.#sessions].sort((a, b) => b.bufferedBytes - a.bufferedBytes)) {
      if (bytes <= BUFFERED_BYTES_MAX) return
      bytes -= session.bufferedBytes
      session.drop('memory', 'Too much waits to be read in this thread')
      this.#forget(session)
    }
  }

  #forget(session: LiveSession): void {
    if (this.#sessions.delete(session)) this.#parts.metrics?.connectionClosed()
    if (this.#sessions.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }
}
