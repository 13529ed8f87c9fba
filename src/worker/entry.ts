import type { MessagePort } from 'node:worker_threads'
import { EventLoopMeter } from '../shared/event-loop-meter.js'
import { unpackLoads } from '../shared/load-pack.js'
import type { ShardReply, ShardRequest, ShardSpec } from '../shared/messages.js'
import { NodeCounters } from '../shared/node-counters.js'
import type { Pack } from '../shared/pack.js'
import { TurnBatch } from '../shared/turn-batch.js'
import { packValues } from '../shared/value-pack.js'
import { Shard } from './shard.js'

/** How often a worker shows that it is alive and looks after its stores. */
const MAINTAIN_INTERVAL_MS = 50

/** What the main thread hands to {@link serve}. */
export interface ShardTask {
  readonly spec: ShardSpec
  /** Carries what packLoads() makes of ShardRequests in, what packValues() makes of ShardReplies out. Closing it ends the task. */
  readonly port: MessagePort
}

/**
 * Main function of a worker thread: one Piscina task that lasts as long as the shard. Requests do not come as tasks,
 * which would cost 12 µs each, but in batches through a port.
 */
export function serve({ spec, port }: ShardTask): Promise<void> {
  const heartbeat = new Int32Array(spec.heartbeat)
  const replies = new TurnBatch<ShardReply>((batch) => {
    shard.endTurn()
    port.postMessage(packValues(batch))
  })
  const meter = new EventLoopMeter(new NodeCounters(spec.counters).row(spec.thread, 'worker'))
  const shard: Shard = new Shard(spec, (reply) => replies.push(reply))
  const beat = (): void => {
    heartbeat[0] = (heartbeat[0]! + 1) | 0
  }
  // At once: the first request may be the one that blocks.
  beat()
  const maintenance = setInterval(() => {
    beat()
    shard.maintain()
  }, MAINTAIN_INTERVAL_MS)
  port.on('message', (requests: (ShardRequest | Pack)[]) => {
    unpackLoads(requests, (request) => shard.handle(request))
  })
  return new Promise((resolve) => {
    port.on('close', () => {
      clearInterval(maintenance)
      meter.close()
      resolve()
    })
  })
}
