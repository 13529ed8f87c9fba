import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from '../../shared/crc32.js'
import {
  checkPart,
  decodeEntries,
  decodeHead,
  MAGIC,
  PART_HEAD_BYTES,
  readPartHead,
  refusal,
  type SnapshotEntry,
  type SnapshotHead,
} from './format.js'

interface Block {
  readonly at: number
  readonly length: number
}

/**
 * A snapshot that was read from its first byte to its last and found whole. What it holds is then read again, block by
 * block and in any order: nothing of a damaged file ever gets into a cache.
 */
export class SnapshotReader {
  readonly head: SnapshotHead
  /** Those most worth keeping first. */
  readonly blocks: readonly Block[]
  readonly #file: FileHandle

  private constructor(file: FileHandle, head: SnapshotHead, blocks: readonly Block[]) {
    this.#file = file
    this.head = head
    this.blocks = blocks
  }

  /** @throws CacheError FAILED_PRECONDITION with what is wrong with the file; errors of the file system as they are */
  static async open(name: string, group: string): Promise<SnapshotReader> {
    const file = await open(name, 'r')
    try {
      return await verify(file, group, (head, blocks) => new SnapshotReader(file, head, blocks))
    } catch (thrown) {
      await file.close()
      throw thrown
    }
  }

  async entries({ at, length }: Block): Promise<SnapshotEntry[]> {
    const part = await readAt(this.#file, at, PART_HEAD_BYTES + length)
    checkPart(part)
    return decodeEntries(part.subarray(PART_HEAD_BYTES))
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

async function verify<T>(
  file: FileHandle,
  group: string,
  done: (head: SnapshotHead, blocks: readonly Block[]) => T,
): Promise<T> {
  const { size } = await file.stat()
  const magic = await readAt(file, 0, Math.min(size, MAGIC.length))
  if (!magic.equals(MAGIC)) throw refusal('it is no snapshot of this program')
  let at = MAGIC.length
  const crcs: number[] = []
  const nextPart = async () => {
    const { crc, length, isTail } = readPartHead(await readAt(file, at, PART_HEAD_BYTES))
    if (at + PART_HEAD_BYTES + length > size) throw tooShort()
    const part = await readAt(file, at, PART_HEAD_BYTES + length)
    checkPart(part)
    at += part.length
    return { body: part.subarray(PART_HEAD_BYTES), crc, isTail }
  }
  const first = await nextPart()
  const head = decodeHead(first.body)
  if (head.group !== group) throw refusal(`it belongs to group ${JSON.stringify(head.group)}`)
  crcs.push(first.crc)
  const blocks: Block[] = []
  for (let entryCount = 0; ; ) {
    const start = at
    const { body, crc, isTail } = await nextPart()
    if (isTail) {
      const isWhole =
        body.readDoubleLE(0) === entryCount &&
        body.readDoubleLE(8) === blocks.length &&
        body.readUInt32LE(16) === crc32(Buffer.from(Uint32Array.from(crcs).buffer)) &&
        at === size
      if (!isWhole) throw refusal('it is damaged')
      return done(head, blocks)
    }
    entryCount += decodeEntries(body).length
    crcs.push(crc)
    blocks.push({ at: start, length: body.length })
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) throw tooShort()
    done += bytesRead
  }
  return bytes
}

function tooShort() {
  return refusal('it ends too early')
}
