import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { peerAddressOf } from './address.js'
import type { BufferPool } from './output-buffer.js'
import { READ_BYTES, type ReadBuffer } from './read-buffer.js'
import type { SocketHandle } from './socket-handle.js'
import type { Traffic } from './socket-transport.js'
import type { SocketUser, Transport } from './transport.js'

/**
 * A plain TCP connection with less of node:net in between, for many small exchanges: a third of the CPU of `on('data')` and
 * `write()` goes for streams and for a new buffer per read, and a socket is most of what a connection has on the heap. Here
 * reads go to one buffer that all connections share, and what the kernel takes at once is written past node:net.
 *
 *     handle ── the kernel takes no more, or an end that is not the end of both ──► socket of node:net
 */
export class DirectTransport implements Transport {
  readonly #handle: SocketHandle
  /** −1 where there are none. It is the connection's as long as that can be written to: what closes it ends that first. */
  readonly #descriptor: number
  readonly #allowHalfOpen: boolean
  readonly #pool: BufferPool
  readonly #readBuffer: ReadBuffer
  readonly #traffic: Traffic | undefined
  #user: SocketUser | undefined
  /** From when on it is the socket that reads and writes. */
  #socket: Socket | undefined
  /** What #handle.bytesRead was after the last read, and what that read brought. */
  #bytesRead: number
  #lastBytes: number
  #isPaused = false
  /** Cut before it had a socket. */
  #isGone = false
  /** Buffers that the socket still reads from, in the order of their writes. */
  #inFlight: Buffer[] | undefined

  /**
   * Takes an accepted connection over. It may be half open if its server allows that.
   *
   * @param accepted its handle, which does not read and has read once at most, or a socket of a server with
   * `pauseOnConnect`, which is of no use afterwards
   */
  constructor(accepted: Socket | SocketHandle, pool: BufferPool, readBuffer: ReadBuffer, traffic?: Traffic) {
    this.#pool = pool
    this.#readBuffer = readBuffer
    this.#traffic = traffic
    const isSocket = accepted instanceof Socket
    this.#allowHalfOpen = isSocket && accepted.allowHalfOpen
    this.#handle = isSocket ? takeHandle(accepted) : accepted
    this.#descriptor = this.#handle.fd
    this.#bytesRead = this.#handle.bytesRead
    this.#lastBytes = this.#bytesRead
  }

  /** Of the other end, HOST:PORT. */
  get remoteAddress(): string {
    return peerAddressOf(this.#handle)
  }

  /**
   * Joins connection and user: bytes flow from here on.
   *
   * @param first bytes that were read before
   */
  attach(user: SocketUser, first?: Buffer): void {
    this.#user = user
    const handle = this.#handle
    handle.useUserBuffer(this.#readBuffer.bytes)
    const onRead = (): undefined => this.#onRead()
    handle.onread = onRead
    if (first !== undefined) this.#receive(first)
    if (!this.#isPaused) this.resumeReading()
  }

  handOver(user: SocketUser): void {
    this.#user = user
  }

  get unsentBytes(): number {
    return this.#socket === undefined ? 0 : this.#socket.writableLength
  }

  send(bytes: Buffer, lengthBytes: number): void {
    if (this.#isGone || this.#socket?.writable === false) {
      this.#pool.release(bytes)
      return
    }
    this.#traffic?.sent(lengthBytes)
    const sentBytes = this.unsentBytes === 0 ? this.#sendNow(bytes, lengthBytes) : 0
    if (sentBytes === lengthBytes) {
      this.#pool.release(bytes)
      return
    }
    this.#inFlight ??= []
    this.#inFlight.push(bytes)
    this.#open().write(bytes.subarray(sentBytes, lengthBytes), () => this.#onWritten())
  }

  pauseReading(): void {
    this.#isPaused = true
    if (this.#socket !== undefined) this.#socket.pause()
    else if (!this.#isGone) this.#handle.readStop()
  }

  resumeReading(): void {
    this.#isPaused = false
    if (this.#socket !== undefined) this.#socket.resume()
    else if (!this.#isGone) this.#handle.readStart()
  }

  end(): void {
    if (!this.#isGone) this.#open().end()
  }

  destroy(): void {
    if (this.#isGone) return
    if (this.#socket !== undefined) {
      this.#socket.destroy()
      return
    }
    this.#isGone = true
    this.#handle.close(() => this.#user?.onTransportClosed())
  }

  #onRead(): undefined {
    // A socket has taken over, or nobody listens any more.
    if (this.#isGone || this.#socket !== undefined) return
    const bytesRead = this.#handle.bytesRead
    const lengthBytes = bytesRead - this.#bytesRead
    const wasFull = this.#lastBytes === READ_BYTES
    this.#bytesRead = bytesRead
    this.#lastBytes = lengthBytes
    if (lengthBytes > 0) this.#receive(this.#readBuffer.view(lengthBytes))
    // Behind a buffer that was filled there may be nothing, or the end: the socket finds out which.
    else if (wasFull || this.#allowHalfOpen) this.#open()
    else this.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#traffic?.received(bytes.length)
    this.#user?.receive(bytes)
  }

  /** The socket, which reads on unless reading is paused. */
  #open(): Socket {
    if (this.#socket !== undefined) return this.#socket
    const handle = this.#handle
    handle.readStop()
    const readBuffer = this.#readBuffer
    const onread = {
      buffer: readBuffer.bytes,
      callback: (lengthBytes: number) => {
        this.#receive(readBuffer.view(lengthBytes))
        return true
      },
    }
    // `handle` is how node:net makes sockets of its servers itself; its types do not tell.
    const socket = new Socket({ handle, onread, allowHalfOpen: this.#allowHalfOpen } as object)
    this.#socket = socket
    socket.on('end', () => this.#user?.onEnded?.())
    // The error itself says nothing that 'close' does not.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#user?.onTransportClosed())
    if (this.#isPaused) socket.pause()
    else socket.resume()
    return socket
  }

  /** How many bytes the kernel took. */
  #sendNow(bytes: Buffer, lengthBytes: number): number {
    if (this.#descriptor < 0) return 0
    try {
      return writeSync(this.#descriptor, bytes, 0, lengthBytes)
    } catch {
      // Full, or gone: the socket finds out which.
      return 0
    }
  }

  #onWritten(): void {
    this.#pool.release(this.#inFlight!.shift()!)
    if (this.unsentBytes === 0) this.#user?.onDrained()
  }
}

function takeHandle(accepted: Socket): SocketHandle {
  const owner = accepted as unknown as { _handle: SocketHandle | null }
  const handle = owner._handle!
  owner._handle = null
  accepted.destroy()
  return handle
}
