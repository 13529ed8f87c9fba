import { CacheError } from '../shared/errors.js'
import type { SnapshotResult } from '../shared/operation.js'
import type { GroupOperations } from './group-operations.js'
import type { Log } from './node-options.js'
import { SnapshotFiles } from './snapshot-files.js'

/** How often something that takes long says so. */
const PROGRESS_INTERVAL_MS = 5000

/** What a shard that does not answer is given beyond its time. */
const MARGIN_MS = 1000

export interface SnapshotsOptions {
  readonly directory: string
  /** Address of the node. */
  readonly self: string
  /** For writing all snapshots of one group, and for reading them. */
  readonly timeoutMs: number
  readonly log: Log
}

/** The snapshots of a node: loads them when a group is made, writes them when the node is closed. Failures only cost warmth. */
export class Snapshots {
  readonly #files: SnapshotFiles
  readonly #timeoutMs: number
  readonly #log: Log

  constructor({ directory, self, timeoutMs, log }: SnapshotsOptions) {
    this.#files = new SnapshotFiles(directory, self)
    this.#timeoutMs = timeoutMs
    this.#log = log
  }

  /** @throws CacheError INVALID_ARGUMENT when files cannot be written to the directory */
  prepare(): Promise<void> {
    return this.#files.prepare()
  }

  /** Fills a group that nobody uses yet with what its last snapshot holds, all of it or nothing. */
  async restore(group: string, operations: GroupOperations): Promise<void> {
    try {
      const files = await this.#files.take(group)
      if (files.length === 0) return
      try {
        await this.#run('Loaded a snapshot', group, operations.restore(files, this.#timeoutMs))
      } catch (thrown) {
        await operations.clear().catch(() => {})
        throw thrown
      } finally {
        await this.#files.discard(files)
      }
    } catch (thrown) {
      this.#log.warn({ group, reason: reasonOf(thrown) }, 'Snapshot refused; the group starts empty')
    }
  }

  /** Writes what a group holds, which is then no more to be used. */
  async save(group: string, operations: GroupOperations): Promise<void> {
    try {
      const files = await this.#files.begin(group, operations.shardCount)
      await this.#run('Wrote a snapshot', group, operations.save(files, this.#timeoutMs))
      await this.#files.sync()
    } catch (thrown) {
      this.#log.warn({ group, reason: reasonOf(thrown) }, 'Snapshot not written; the group will start empty')
    }
  }

  async #run(what: string, group: string, work: Promise<readonly SnapshotResult[]>): Promise<void> {
    const startedMs = performance.now()
    const sinceStart = () => Math.round(performance.now() - startedMs)
    const progress = setInterval(
      () => this.#log.info({ group, durationMs: sinceStart() }, 'Still at work on a snapshot'),
      PROGRESS_INTERVAL_MS,
    )
    try {
      const results = await withinMs(work, this.#timeoutMs + MARGIN_MS)
      const entries = results.reduce((sum, { entryCount }) => sum + entryCount, 0)
      const isComplete = results.every((result) => result.isComplete)
      this.#log.info({ group, entries, isComplete, durationMs: sinceStart() }, what)
    } finally {
      clearInterval(progress)
    }
  }
}

async function withinMs<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CacheError('DEADLINE_EXCEEDED', 'It took too long')), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function reasonOf(thrown: unknown): string {
  return CacheError.from(thrown).message
}
