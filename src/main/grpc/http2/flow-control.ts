import { WINDOW_BYTES_MAX } from './settings.js'

/** What we may send (RFC 9113, section 6.9): of a stream or of a connection. Negative after a settings change. */
export class SendWindow {
  available: number

  constructor(initialBytes: number) {
    this.available = initialBytes
  }

  spend(lengthBytes: number): void {
    this.available -= lengthBytes
  }

  /** WINDOW_UPDATE, or a changed SETTINGS_INITIAL_WINDOW_SIZE, then also negative. False: beyond 2^31 − 1. */
  grow(increment: number): boolean {
    if (this.available + increment > WINDOW_BYTES_MAX) return false
    this.available += increment
    return true
  }
}

/** What the peer may send to us. Credit is collected and returned once it comes to half of the window. */
export class ReceiveWindow {
  private readonly sizeBytes: number
  private available: number
  private owed = 0

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes
    this.available = sizeBytes
  }

  /** False when the peer sent more than it was allowed. */
  charge(lengthBytes: number): boolean {
    this.available -= lengthBytes
    return this.available >= 0
  }

  /** Bytes were taken off our hands. Answers the increment to send as WINDOW_UPDATE now, or 0. */
  release(lengthBytes: number): number {
    this.owed += lengthBytes
    if (this.owed * 2 < this.sizeBytes) return 0
    const increment = this.owed
    this.owed = 0
    this.available += increment
    return increment
  }
}
