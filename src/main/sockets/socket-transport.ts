import type { Socket } from 'node:net'
import { remoteAddressOf } from './address.js'
import type { BufferPool } from './output-buffer.js'
import type { SocketUser, Transport } from './transport.js'

/** Told of the bytes that pass. */
export interface Traffic {
  received(lengthBytes: number): void
  sent(lengthBytes: number): void
}

/** A connection's socket, plain or TLS. */
export class SocketTransport implements Transport {
  readonly socket: Socket
  private readonly pool: BufferPool
  private readonly traffic: Traffic | undefined
  /** Buffers that the socket still reads from, in the order of their writes. */
  private readonly inFlight: Buffer[] = []
  private connection: SocketUser | undefined
  private ended = false

  constructor(socket: Socket, pool: BufferPool, traffic?: Traffic) {
    this.socket = socket
    this.pool = pool
    this.traffic = traffic
  }

  /** Of the other end, HOST:PORT. */
  get remoteAddress(): string {
    return remoteAddressOf(this.socket)
  }

  /** Joins socket and connection: bytes flow from here on. */
  attach(connection: SocketUser): void {
    this.connection = connection
    const { socket } = this
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.traffic?.received(chunk.length)
      this.connection!.receive(chunk)
    })
    socket.on('end', () => this.connection!.onEnded?.())
    // The error itself says nothing that 'close' does not.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.connection!.onTransportClosed())
  }

  handOver(connection: SocketUser): void {
    this.connection = connection
  }

  get unsentBytes(): number {
    return this.socket.writableLength
  }

  send(bytes: Buffer, lengthBytes: number): void {
    if (this.ended || this.socket.destroyed) {
      this.pool.release(bytes)
      return
    }
    this.inFlight.push(bytes)
    this.traffic?.sent(lengthBytes)
    this.socket.write(bytes.subarray(0, lengthBytes), this.onWritten)
  }

  pauseReading(): void {
    this.socket.pause()
  }

  resumeReading(): void {
    this.socket.resume()
  }

  end(): void {
    this.ended = true
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private readonly onWritten = (): void => {
    this.pool.release(this.inFlight.shift()!)
    if (this.socket.writableLength === 0) this.connection?.onDrained()
  }
}
