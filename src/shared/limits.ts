import { assert } from './assert.js'

/** Largest key, in bytes. */
export const KEY_BYTES_MAX = 64 * 1024

/** Largest value, in bytes. */
export const VALUE_BYTES_MAX = 64 * 1024 * 1024

/** A group may take at most this much in one shard: byte offsets stay small positive integers. */
export const STORE_BYTES_MAX = 2 ** 31 - 8

/** Below this a part of a group is too small to be worth a shard: a small group lives on fewer shards. */
export const STORE_BYTES_MIN = 2048

/** Entries of one group in one shard: slot numbers have 24 bits, and 0 is no slot. */
export const SLOT_COUNT_MAX = 2 ** 24 - 1

/** Threads that may read a node's stores at a time: main, workers, fronts, the embedder's own. */
export const THREAD_COUNT_MAX = 64

/** Worker threads of one node; each is one of the {@link THREAD_COUNT_MAX}. */
export const WORKER_COUNT_MAX = 32

/** Threads of one node that serve gRPC, the main thread among them. */
export const GRPC_THREAD_COUNT_MAX = 16

/** Threads of one node that serve HTTP. */
export const HTTP_THREAD_COUNT_MAX = 8

/** An entry that costs more than this part of its store is served but not kept: it would flush too many others. */
export const ENTRY_SHARE_MAX = 1 / 10

/** Longest time to live, in ms (24.8 days): expiry is compared in 32-bit arithmetic. Longer ones are cut to it. */
export const TTL_MS_MAX = 2 ** 31 - 1

/** Longest time that an entry may be served after its time to live, in ms (12.4 days), for the same reason. */
export const STALE_MS_MAX = 2 ** 30

/** Longest delay of a Node timer, in ms. */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** How long a node keeps a value of which it is not the owner, in ms: a delete reaches only the owner. */
export const FALLBACK_TTL_MS = 10_000

/** Keys of one getMany(). */
export const MANY_KEYS_MAX = 10_000

assert(
  WORKER_COUNT_MAX + GRPC_THREAD_COUNT_MAX + HTTP_THREAD_COUNT_MAX < THREAD_COUNT_MAX,
  'Every thread of the node has a number, and there are some left for those of its user',
)
assert(STORE_BYTES_MIN <= STORE_BYTES_MAX, 'A store has room for sizes')
