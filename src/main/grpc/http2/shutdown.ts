import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { Http2Code } from './errors.js'
import { STREAM_ID_MAX, writeGoaway, writePing } from './frame.js'

/** How long the answer to the announcing PING is waited for. */
const ANNOUNCE_TIMEOUT_MS = 5000
/** Tells our PING from others. */
const DRAIN_PING = Buffer.from('drain\0\0\0', 'latin1')

/**
 * serving ─ drain() ─► announced ─ PING answered, or 5 s ─► draining ─ last stream done, or grace over ─► closed
 * any ─ error, force, socket gone ─► closed
 */
export type ShutdownState = 'serving' | 'announced' | 'draining' | 'closed'

/** What the shutdown asks of its connection. */
export interface Drainable {
  readonly highestStreamId: number
  readonly openStreams: number
  readonly outputBuffer: OutputBuffer
  /** From here on new streams are ignored. */
  onDraining(): void
  /** Everything is answered, or time is up: end the connection. */
  finish(): void
}

/** The orderly end of a connection (RFC 9113, section 6.8): announce it, let what is under way arrive, then refuse. */
export class Shutdown {
  state: ShutdownState = 'serving'
  private readonly connection: Drainable
  private announcedAtMs = 0
  private deadlineMs = Number.POSITIVE_INFINITY
  private debug = ''

  constructor(connection: Drainable) {
    this.connection = connection
  }

  /** True when new streams are taken. */
  get accepting(): boolean {
    return this.state === 'serving' || this.state === 'announced'
  }

  /** True when the connection is over, socket or not. */
  get over(): boolean {
    return this.state === 'closed'
  }

  /** @param graceMs how long streams may still run */
  drain(nowMs: number, graceMs: number, debug: string): void {
    if (this.over) return
    this.deadlineMs = Math.min(this.deadlineMs, nowMs + graceMs)
    if (this.state !== 'serving') return
    this.state = 'announced'
    this.announcedAtMs = nowMs
    this.debug = debug
    writeGoaway(this.connection.outputBuffer, STREAM_ID_MAX, Http2Code.NO_ERROR, debug)
    writePing(this.connection.outputBuffer, 0, DRAIN_PING, 0)
  }

  /** A PING was answered: ours, if its bytes say so. */
  onPingAck(buffer: Buffer, start: number): void {
    if (this.state === 'announced' && buffer.compare(DRAIN_PING, 0, 8, start, start + 8) === 0)
      this.refuseNew()
  }

  tick(nowMs: number): void {
    if (this.state === 'announced' && nowMs - this.announcedAtMs >= ANNOUNCE_TIMEOUT_MS) this.refuseNew()
    if ((this.state === 'announced' || this.state === 'draining') && nowMs >= this.deadlineMs) {
      this.connection.finish()
    }
  }

  /** The number of open streams changed. */
  onStreamClosed(): void {
    if (this.state === 'draining' && this.connection.openStreams === 0) this.connection.finish()
  }

  private refuseNew(): void {
    this.state = 'draining'
    this.connection.onDraining()
    writeGoaway(this.connection.outputBuffer, this.connection.highestStreamId, Http2Code.NO_ERROR, this.debug)
    this.onStreamClosed()
  }
}
