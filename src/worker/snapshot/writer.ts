import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { crc32 } from '../../shared/crc32.js'
import {
  BLOCK_BYTES,
  encodeEntry,
  encodeHead,
  encodeTail,
  entryLength,
  MAGIC,
  type SnapshotEntry,
  type SnapshotHead,
  sealPart,
} from './format.js'

/** Only the user of the node may read what the cache held. */
const FILE_MODE = 0o600

/**
 * Writes a snapshot (format.ts draws it). The file has its name only once it is whole and on the disk: until then it is
 * `<name>.tmp`.
 */
export class SnapshotWriter {
  readonly #name: string
  readonly #file: FileHandle
  readonly #crcs: number[] = []
  #block = Buffer.alloc(BLOCK_BYTES)
  #length = 0
  #entryCount = 0

  private constructor(name: string, file: FileHandle) {
    this.#name = name
    this.#file = file
  }

  static async create(name: string, head: SnapshotHead): Promise<SnapshotWriter> {
    const writer = new SnapshotWriter(name, await open(`${name}.tmp`, 'w', FILE_MODE))
    try {
      await writer.#file.write(MAGIC)
      await writer.#write(encodeHead(head))
      return writer
    } catch (thrown) {
      await writer.abandon()
      throw thrown
    }
  }

  get entryCount(): number {
    return this.#entryCount
  }

  /** True when the next entry needs a {@link flush} first. */
  isFull(entry: SnapshotEntry): boolean {
    return this.#length > 0 && this.#length + entryLength(entry) > BLOCK_BYTES
  }

  /** Takes an entry, whose bytes are copied at once. */
  add(entry: SnapshotEntry): void {
    const length = entryLength(entry)
    if (length > this.#block.length) this.#block = Buffer.alloc(length)
    this.#length = encodeEntry(this.#block, this.#length, entry)
    this.#entryCount++
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return
    await this.#write(this.#block.subarray(0, this.#length))
    this.#length = 0
  }

  /** Writes the rest and gives the file its name. */
  async finish(): Promise<void> {
    await this.flush()
    const crcs = Buffer.from(Uint32Array.from(this.#crcs).buffer)
    await this.#write(encodeTail(this.#entryCount, this.#crcs.length - 1, crc32(crcs)), true)
    await this.#file.sync()
    await this.#file.close()
    await rename(`${this.#name}.tmp`, this.#name)
  }

  /** Leaves no file. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(`${this.#name}.tmp`, { force: true })
  }

  async #write(body: Uint8Array, isTail = false): Promise<void> {
    const { bytes, crc } = sealPart(body, isTail)
    this.#crcs.push(crc)
    // A short write is possible: the file system may be full in the middle.
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten
  }
}
