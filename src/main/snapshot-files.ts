import { createHash } from 'node:crypto'
import { access, constants, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CacheError } from '../shared/errors.js'

/** Characters of a group's name in a file name; what tells names apart is their hash. */
const READABLE_LENGTH_MAX = 40

/**
 * Files of a node's snapshots: a folder for each node, so that several may share a directory, and in it
 *
 *     <group>-<hash of its name>.<shard>.snapshot           written by a stop
 *                                       .snapshot.tmp       being written
 *                                       .snapshot.taken     being read by a start
 *
 * A snapshot is used at most once. It loses its name before it is read, and it is gone before its entries are served:
 * what is deleted or replaced from then on cannot come back by a later start, however the node ends.
 */
export class SnapshotFiles {
  readonly #folder: string

  /** @param self address of the node */
  constructor(directory: string, self: string) {
    this.#folder = join(directory, self.replace(/[^\w.-]/g, '_'))
  }

  /** @throws CacheError INVALID_ARGUMENT when files cannot be written there */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await access(this.#folder, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException
      throw new CacheError('INVALID_ARGUMENT', `Cannot write snapshots to ${this.#folder}: ${code}`, {
        cause: thrown,
      })
    }
  }

  /** Takes the snapshots of a group out of the way of any other start, and tells where they are now. */
  async take(group: string): Promise<string[]> {
    const names = await this.#namesOf(group)
    const taken: string[] = []
    // What an earlier start or stop left behind is not to be trusted.
    await this.discard(names.filter((name) => !name.endsWith('.snapshot')))
    for (const name of names.filter((name) => name.endsWith('.snapshot'))) {
      await rename(name, `${name}.taken`)
      taken.push(`${name}.taken`)
    }
    return taken
  }

  async discard(files: readonly string[]): Promise<void> {
    for (const file of files) await rm(file, { force: true })
    await this.sync()
  }

  /** Makes place for new snapshots of a group: a file name for each shard. */
  async begin(group: string, shardCount: number): Promise<string[]> {
    await this.discard(await this.#namesOf(group))
    return Array.from({ length: shardCount }, (_, shard) =>
      join(this.#folder, `${prefixOf(group)}.${shard}.snapshot`),
    )
  }

  /** Has names that came and went reach the disk. */
  async sync(): Promise<void> {
    // Not every system can open a folder.
    const folder = await open(this.#folder, 'r').catch(() => undefined)
    await folder?.sync().catch(() => {})
    await folder?.close()
  }

  async #namesOf(group: string): Promise<string[]> {
    const prefix = `${prefixOf(group)}.`
    const rest = /^\d{1,4}\.snapshot(\.tmp|\.taken)?$/
    const names = await readdir(this.#folder)
    return names
      .filter((name) => name.startsWith(prefix) && rest.test(name.slice(prefix.length)))
      .map((name) => join(this.#folder, name))
  }
}

function prefixOf(group: string): string {
  const readable = group.replace(/[^\w-]/g, '_').slice(0, READABLE_LENGTH_MAX)
  return `${readable}-${createHash('sha256').update(group).digest('hex').slice(0, 16)}`
}
