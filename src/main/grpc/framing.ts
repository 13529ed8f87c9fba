import type { ByteBudget } from './http2/byte-budget.js'
import { readUint32, writeUint32 } from './http2/frame.js'

/** A compressed flag and a length stand before every message. */
export const PREFIX_BYTES = 5
/** A message's buffer begins no larger than this: a prefix that promises gigabytes costs nothing until they come. */
const FIRST_BYTES_MAX = 65_536

/** What a message costs beside its bytes: one of no bytes at all is still an object. */
const MESSAGE_OVERHEAD_BYTES = 128

/** What a message has taken from the budget. */
export function heldBytesOf(message: Buffer): number {
  return message.length + MESSAGE_OVERHEAD_BYTES
}

/** What is wrong with a body. */
export type FramingFault = 'flag' | 'too-large' | 'no-room'

export interface MessageSink {
  /** A whole message, in a buffer of its own. It is still taken from the budget: give back heldBytesOf() it. */
  onMessage(message: Buffer, compressed: boolean): void
  /** The body is unusable from here on. `lengthBytes` is that of the message in question. */
  onFault(fault: FramingFault, lengthBytes: number): void
}

/** Cuts a body into length-prefixed messages (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export class MessageReader {
  private readonly sink: MessageSink
  private readonly budget: ByteBudget
  private readonly messageBytesMax: number
  private readonly prefix = Buffer.alloc(PREFIX_BYTES)
  private prefixBytes = 0
  private message: Buffer | undefined
  private messageBytes = 0
  private wantedBytes = 0
  private failed = false

  constructor(sink: MessageSink, budget: ByteBudget, messageBytesMax: number) {
    this.sink = sink
    this.budget = budget
    this.messageBytesMax = messageBytesMax
  }

  /** True when a message has begun and not ended. */
  get midMessage(): boolean {
    return this.prefixBytes > 0
  }

  read(buffer: Buffer, start: number, end: number): void {
    let offset = start
    while (offset < end && !this.failed) {
      if (this.prefixBytes < PREFIX_BYTES) {
        this.prefix[this.prefixBytes++] = buffer[offset++]!
        if (this.prefixBytes < PREFIX_BYTES) continue
        this.begin()
      } else {
        offset = this.fill(buffer, offset, end)
      }
      if (!this.failed && this.messageBytes === this.wantedBytes && this.prefixBytes === PREFIX_BYTES)
        this.finish()
    }
  }

  /** Gives back what is held of an unfinished message. */
  discard(): void {
    this.failed = true
    if (this.message !== undefined) this.budget.give(heldBytesOf(this.message))
    this.message = undefined
  }

  private begin(): void {
    this.wantedBytes = readUint32(this.prefix, 1)
    this.messageBytes = 0
    if (this.prefix[0]! > 1) this.fail('flag')
    else if (this.wantedBytes > this.messageBytesMax) this.fail('too-large')
    else this.resize(Math.min(this.wantedBytes, FIRST_BYTES_MAX))
  }

  private fill(buffer: Buffer, start: number, end: number): number {
    const count = Math.min(this.wantedBytes - this.messageBytes, end - start)
    const neededBytes = this.messageBytes + count
    if (neededBytes > this.message!.length) {
      this.resize(Math.min(this.wantedBytes, Math.max(neededBytes, this.message!.length * 2)))
      if (this.failed) return end
    }
    buffer.copy(this.message!, this.messageBytes, start, start + count)
    this.messageBytes = neededBytes
    return start + count
  }

  private resize(sizeBytes: number): void {
    const previous = this.message
    if (!this.budget.take(sizeBytes - (previous?.length ?? -MESSAGE_OVERHEAD_BYTES))) {
      this.fail('no-room')
      return
    }
    this.message = Buffer.allocUnsafe(sizeBytes)
    previous?.copy(this.message, 0, 0, this.messageBytes)
  }

  private finish(): void {
    const message = this.message!
    this.message = undefined
    this.prefixBytes = 0
    this.sink.onMessage(message, this.prefix[0] === 1)
  }

  private fail(fault: FramingFault): void {
    this.discard()
    this.sink.onFault(fault, this.wantedBytes)
  }
}

/** Why a message of so many bytes is refused. */
export function tooLarge(lengthBytes: number, bytesMax: number): string {
  return `received message larger than max (${lengthBytes} vs. ${bytesMax})`
}

/** Writes a prefix at `offset`. */
export function writePrefix(
  target: Uint8Array,
  offset: number,
  compressed: boolean,
  lengthBytes: number,
): void {
  target[offset] = compressed ? 1 : 0
  writeUint32(target, offset + 1, lengthBytes)
}

/** A prefix alone. */
export function prefixOf(compressed: boolean, lengthBytes: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  writePrefix(prefix, 0, compressed, lengthBytes)
  return prefix
}
