import { availableParallelism } from 'node:os'
import type { HashSeed } from '../../shared/hash.js'
import type { RingView } from '../../shared/messages.js'
import type { NodeCounters } from '../../shared/node-counters.js'
import type { Epochs } from '../../shared/store/epoch.js'
import type { Log } from '../node-options.js'
import { type GetterRunner, ShardClient, type ToldListener } from './shard-client.js'
import { ShardThread } from './shard-thread.js'

export interface ShardPoolOptions {
  readonly shardCount: number
  readonly epochs: Epochs
  readonly seed: HashSeed
  readonly counters: NodeCounters
  readonly stallMs: number
  readonly getters: GetterRunner
  readonly log: Log
  readonly onTold: ToldListener
  /** A worker thread died and is being replaced. Requests made now go to the next one. */
  readonly onDeath: (shard: number) => void
}

/** One worker thread per processor but one, which is the main thread's. */
export function defaultShardCount(): number {
  return Math.max(1, availableParallelism() - 1)
}

/** Number of a shard's thread among the threads of the node: the main thread is 0. */
function threadOf(shard: number): number {
  return shard + 1
}

/** All shards of a node: their threads, and a client for each. */
export class ShardPool {
  readonly clients: readonly ShardClient[]
  readonly #threads: readonly ShardThread[]

  constructor(options: ShardPoolOptions) {
    const { shardCount, epochs, seed, counters, stallMs, getters, onTold, log } = options
    this.clients = Array.from({ length: shardCount }, () => new ShardClient(getters, onTold))
    epochs.admit(threadOf(shardCount - 1))
    this.#threads = this.clients.map((client, shard) => {
      const thread = new ShardThread({
        spec: {
          shard,
          thread: threadOf(shard),
          seed,
          epochs: epochs.memory,
          counters: counters.memory,
          heartbeat: new SharedArrayBuffer(4),
        },
        epochs,
        stallMs,
        log,
        events: {
          onStart: () => client.onStart(),
          onReply: (reply) => client.onReply(reply),
          onDeath: (error) => {
            counters.endThread(threadOf(shard))
            client.onDeath(error)
            options.onDeath(shard)
          },
        },
      })
      client.connect(thread)
      thread.start()
      return thread
    })
  }

  setRing(ring: RingView): void {
    for (const client of this.clients) client.setRing(ring)
  }

  /** Ends a thread as a fault would: for tests. */
  kill(shard: number): void {
    this.#threads[shard]?.kill()
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
    for (const client of this.clients) client.close()
  }
}
