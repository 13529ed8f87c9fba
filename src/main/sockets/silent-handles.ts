import { TransientMap } from '../../shared/transient-map.js'
import type { ReadBuffer } from './read-buffer.js'
import type { SocketHandle } from './socket-handle.js'

/** Who has silent connections. */
export interface SilentHandlesUser {
  /**
   * One has said something, and is the user's from here on. It reads no more.
   *
   * @param chunk gone when this returns
   * @param sinceMs when it was added
   */
  onFirstBytes(handle: SocketHandle, chunk: Buffer, sinceMs: number): void
  /** One has gone, by itself or because it was cut. */
  onGone(): void
}

/**
 * Plain connections from which nothing has been read yet. What is kept of each is its handle, and when it came: of
 * thousands that stay silent, whatever else they had would be most of what the garbage collector has to copy.
 */
export class SilentHandles {
  readonly #readBuffer: ReadBuffer
  readonly #user: SilentHandlesUser
  readonly #sinceMs = new TransientMap<SocketHandle, number>()
  /** One for all. */
  readonly #onRead: (this: SocketHandle) => undefined

  constructor(readBuffer: ReadBuffer, user: SilentHandlesUser) {
    this.#readBuffer = readBuffer
    this.#user = user
    const hear = (handle: SocketHandle) => this.#hear(handle)
    const onRead = function (this: SocketHandle): undefined {
      hear(this)
    }
    this.#onRead = onRead
  }

  get size(): number {
    return this.#sinceMs.size
  }

  has(handle: SocketHandle): boolean {
    return this.#sinceMs.has(handle)
  }

  /** Those that are there now, the oldest first. */
  values(): SocketHandle[] {
    return this.#sinceMs.keys()
  }

  /** When it came; undefined when it is not here. */
  sinceMs(handle: SocketHandle): number | undefined {
    return this.#sinceMs.get(handle)
  }

  /** Reads from it as soon as there is something. */
  add(handle: SocketHandle, nowMs: number): void {
    this.#sinceMs.set(handle, nowMs)
    handle.useUserBuffer(this.#readBuffer.bytes)
    handle.onread = this.#onRead
    handle.readStart()
  }

  cut(handle: SocketHandle): void {
    if (!this.#sinceMs.delete(handle)) return
    handle.close()
    this.#user.onGone()
  }

  #hear(handle: SocketHandle): void {
    const sinceMs = this.#sinceMs.get(handle)
    if (sinceMs === undefined) return
    const lengthBytes = handle.bytesRead
    if (lengthBytes === 0) {
      this.cut(handle)
      return
    }
    this.#sinceMs.delete(handle)
    handle.readStop()
    this.#user.onFirstBytes(handle, this.#readBuffer.view(lengthBytes), sinceMs)
  }
}
