import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { SendWindow } from './flow-control.js'
import { writePing } from './frame.js'
import { WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX } from './settings.js'

/** What is sent to a client before it has shown that it reads, and at most, in bytes. */
const LIMIT_BYTES_FIRST = 256 * 1024
const LIMIT_BYTES_MAX = 16 * 1024 * 1024

/** Tells our PING from others. */
const PROOF_PING = Buffer.from('read?\0\0\0', 'latin1')

/**
 * What we may send on a connection: what its client allows, but no more than a limit beyond what it is known to have read.
 * A client may open its windows wide and read nothing; then the kernel would take megabytes from us for each connection,
 * all of it memory of this machine that no limit of ours counts.
 *
 *     sent, and read ──► PING answered │ sent, perhaps read: at most the limit │ allowed by the client, and withheld
 *                                      │            ▲ PING on its way          │
 *
 * A PING (RFC 9113, section 6.7) goes out with each half of the limit; its answer proves that everything before it was
 * read. Whoever answers and allows more than the limit gets twice as much, as in TCP's slow start, up to more than kernels
 * buffer by default.
 */
export class ProvenWindow extends SendWindow {
  /** Allowed by the client, beyond `available`. */
  private withheld = 0
  private limitBytes = LIMIT_BYTES_FIRST
  /** Sent since the last PING that was answered. */
  private unproven = 0
  /** How much of that was sent before the PING that is on its way; 0 when there is none. */
  private marked = 0

  constructor() {
    super(WINDOW_BYTES_DEFAULT)
  }

  override spend(lengthBytes: number): void {
    this.available -= lengthBytes
    this.unproven += lengthBytes
  }

  override grow(increment: number): boolean {
    if (this.available + this.withheld + increment > WINDOW_BYTES_MAX) return false
    this.withheld += increment
    this.release()
    return true
  }

  /** Asks for a proof behind what is in the output, if it is time to. */
  mark(output: OutputBuffer): void {
    if (this.marked > 0 || this.unproven * 2 < this.limitBytes) return
    this.marked = this.unproven
    writePing(output, 0, PROOF_PING, 0)
  }

  /** The answer to a PING. False: not to one of these. */
  onPingAck(buffer: Buffer, start: number): boolean {
    if (this.marked === 0 || buffer.compare(PROOF_PING, 0, 8, start, start + 8) !== 0) return false
    this.unproven -= this.marked
    this.marked = 0
    if (this.withheld > 0) this.limitBytes = Math.min(2 * this.limitBytes, LIMIT_BYTES_MAX)
    this.release()
    return true
  }

  private release(): void {
    const released = Math.min(this.withheld, this.limitBytes - this.unproven - this.available)
    if (released <= 0) return
    this.withheld -= released
    this.available += released
  }
}
