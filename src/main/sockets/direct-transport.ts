import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { BufferPool } from './output-buffer.js'
import type { SocketUser, Traffic } from './socket-transport.js'
import type { Transport } from './transport.js'

/** One read of the system: more waits in the kernel. */
const READ_BYTES = 65_536

/** The handle below a socket of node:net. */
export interface SocketHandle {
  /** −1 where there are no file descriptors. */
  readonly fd: number
  /** Of all reads together. */
  readonly bytesRead: number
  /** Called when something was read, and at the end of the connection, whatever ended it. What it returns is the next buffer. */
  onread: (this: SocketHandle) => undefined
  /** Where reads go to. */
  useUserBuffer(bytes: Uint8Array): void
  setNoDelay(isOn: boolean): number
  readStart(): number
  readStop(): number
  close(onClosed?: () => void): void
}

/** Where all connections of a server read to, one after the other: what is not used at once must be copied. */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES)
  #view = this.bytes

  /** What was read. The reads of a client are often of one length: then there is no object to make. */
  view(lengthBytes: number): Buffer {
    if (this.#view.length !== lengthBytes) this.#view = this.bytes.subarray(0, lengthBytes)
    return this.#view
  }
}

/**
 * A plain TCP connection with less of node:net in between, for many small exchanges: a third of the CPU of
 * `on('data')` and `write()` goes for streams and for a new buffer per read. Here reads go to one buffer that all
 * connections share (`onread` of net.Socket), and what the kernel takes at once is written without a stream.
 */
export class DirectTransport implements Transport {
  readonly socket: Socket
  /** −1 where there are none. It is the connection's as long as that can be written to: what closes it ends that first. */
  readonly #descriptor: number
  readonly #pool: BufferPool
  readonly #readBuffer: ReadBuffer
  readonly #traffic: Traffic | undefined
  #user: SocketUser | undefined
  #isPaused = false
  /** Buffers that the socket still reads from, in the order of their writes. */
  #inFlight: Buffer[] | undefined

  /**
   * Takes an accepted connection over. It may be half open if its server allows that.
   *
   * @param accepted its handle, which does not read, or a socket of a server with `pauseOnConnect`, which is of no use
   * afterwards
   */
  constructor(accepted: Socket | SocketHandle, pool: BufferPool, readBuffer: ReadBuffer, traffic?: Traffic) {
    this.#pool = pool
    this.#readBuffer = readBuffer
    this.#traffic = traffic
    const isSocket = accepted instanceof Socket
    const handle = isSocket ? takeHandle(accepted) : accepted
    this.#descriptor = handle.fd
    this.socket = this.#open(handle, isSocket && accepted.allowHalfOpen)
  }

  /**
   * Joins connection and user: bytes flow from here on.
   *
   * @param first bytes that were read before
   */
  attach(user: SocketUser, first?: Buffer): void {
    this.#user = user
    if (first !== undefined) {
      this.#traffic?.received(first.length)
      user.receive(first)
    }
    if (!this.#isPaused) this.socket.resume()
  }

  /** From now on another user has the connection. */
  handOver(user: SocketUser): void {
    this.#user = user
  }

  get unsentBytes(): number {
    return this.socket.writableLength
  }

  send(bytes: Buffer, lengthBytes: number): void {
    const { socket } = this
    if (!socket.writable) {
      this.#pool.release(bytes)
      return
    }
    this.#traffic?.sent(lengthBytes)
    const sentBytes = socket.writableLength === 0 ? this.#sendNow(bytes, lengthBytes) : 0
    if (sentBytes === lengthBytes) {
      this.#pool.release(bytes)
      return
    }
    this.#inFlight ??= []
    this.#inFlight.push(bytes)
    socket.write(bytes.subarray(sentBytes, lengthBytes), this.#onWritten)
  }

  pauseReading(): void {
    this.#isPaused = true
    this.socket.pause()
  }

  resumeReading(): void {
    this.#isPaused = false
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  #open(handle: SocketHandle, allowHalfOpen: boolean): Socket {
    const readBuffer = this.#readBuffer
    const onread = {
      buffer: readBuffer.bytes,
      callback: (lengthBytes: number) => {
        this.#traffic?.received(lengthBytes)
        this.#user?.receive(readBuffer.view(lengthBytes))
        return true
      },
    }
    // `handle` is how node:net makes sockets of its servers itself; its types do not tell.
    const socket = new Socket({ handle, onread, allowHalfOpen } as object)
    socket.on('end', () => this.#user?.onEnded?.())
    // The error itself says nothing that 'close' does not.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#user?.onTransportClosed())
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

  readonly #onWritten = (): void => {
    this.#pool.release(this.#inFlight!.shift()!)
    if (this.socket.writableLength === 0) this.#user?.onDrained()
  }
}

function takeHandle(accepted: Socket): SocketHandle {
  const owner = accepted as unknown as { _handle: SocketHandle | null }
  const handle = owner._handle!
  owner._handle = null
  accepted.destroy()
  return handle
}
