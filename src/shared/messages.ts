import type { CodeName } from './errors.js'
import type { HashSeed } from './hash.js'
import type { KeyPack } from './key-pack.js'
import type { Operation, OperationResults } from './operation.js'
import type { PolicyName } from './policy-names.js'
import type { TraceParent } from './tracing.js'

/** Everything that crosses between the main thread and a worker. Both come from one build: there is no version. */

/** How a worker comes by the values of a group. */
export type GetterSpec =
  | { readonly kind: 'module'; readonly url: string; readonly options: unknown }
  /** The getter is a function of another thread: the worker calls back through the port. */
  | { readonly kind: 'function'; readonly takesMany: boolean }

/** How a group keeps its values fresh, and its source from harm. All times in ms; 0 turns a thing off. */
export interface Freshness {
  /** Infinity: values live until they are evicted. */
  readonly ttlMs: number
  /** Part of each time to live that may be cut off at random, 0…1. */
  readonly ttlJitter: number
  readonly notFoundTtlMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Last part of a time to live in which a hit has the value loaded again, 0…1. */
  readonly refreshAhead: number
  /** Infinity: wait for the load. */
  readonly softTimeoutMs: number
  readonly errorBackoffMs: number
}

/** What one shard may ask of the source. */
export interface LoadBounds {
  /** Longest call of the getter. */
  readonly timeoutMs: number
  /** Calls of the getter at a time. */
  readonly concurrencyMax: number
  /** Loads that may wait for their turn. */
  readonly queueMax: number
  /** Keys that one call of a batch getter may take. */
  readonly batchSizeMax: number
}

/** Where a store lies. */
export interface StoreMemory {
  readonly store: SharedArrayBuffer
  readonly accessLog: SharedArrayBuffer
}

/** A group, as the owner of one of its stores gets to know it. */
export interface GroupSpec extends StoreMemory {
  readonly id: number
  readonly name: string
  readonly getter: GetterSpec
  readonly policy: PolicyName
  readonly freshness: Freshness
  readonly loads: LoadBounds
  readonly valueBytesMax: number
  readonly counters: SharedArrayBuffer
  /** Stores of the group, and which of them this is. */
  readonly shardCount: number
  readonly shard: number
}

/** A group, as threads that only read its stores get to know it. */
export interface GroupView {
  readonly id: number
  readonly name: string
  readonly keyBytesMax: number
  /** How long an entry may be read stale by those who ask for that, in ms. */
  readonly staleMs: number
  /** By shard. */
  readonly stores: readonly StoreMemory[]
  readonly counters: SharedArrayBuffer
  /** Says which copies of other nodes' values are good. */
  readonly copyFence: SharedArrayBuffer
}

/** What a worker thread is started with. */
export interface ShardSpec {
  readonly shard: number
  /** Its number among the threads that count and pin. */
  readonly thread: number
  readonly seed: HashSeed
  readonly epochs: SharedArrayBuffer
  /** Of the node as a whole. */
  readonly counters: SharedArrayBuffer
  /** One word that the worker keeps changing while its event loop turns. */
  readonly heartbeat: SharedArrayBuffer
}

/** What a getter function answered, ready to cross threads. */
export type Loaded =
  | { readonly value: Uint8Array; readonly ttlMs?: number }
  | { readonly value: null; readonly notFoundTtlMs?: number }

/** The members of the ring and this node's own address. */
export interface RingView {
  readonly self: string
  readonly members: readonly string[]
  readonly replicas: number
}

/** To a worker; they come in arrays, all of one turn of the event loop together. */
export type ShardRequest =
  | {
      readonly kind: 'load'
      readonly id: number
      readonly group: number
      readonly key: Uint8Array
      readonly hash: number
      readonly deadlineMs: number
      /** Longest time to keep the value; Infinity unless another node owns the key. */
      readonly ttlMsMax: number
      /** The sampled trace that waits for the load. */
      readonly trace?: TraceParent | undefined
    }
  | { readonly kind: 'cancel'; readonly id: number }
  /** A copy of a value that another node owns. Nobody waits for it to be kept. */
  | {
      readonly kind: 'keep'
      readonly group: number
      readonly key: Uint8Array
      readonly hash: number
      readonly value: Uint8Array
      readonly ttlMs: number
      readonly stamp: number
    }
  | {
      readonly kind: 'remove'
      readonly id: number
      readonly group: number
      readonly key: Uint8Array
      readonly hash: number
    }
  | { readonly kind: 'clear'; readonly id: number; readonly group: number }
  | { readonly kind: 'policy'; readonly id: number; readonly group: number; readonly policy: PolicyName }
  /** Whether somebody wants to be told of keys whose value is no longer good; from the answer on it is so. */
  | { readonly kind: 'watch'; readonly id: number; readonly group: number; readonly isWatched: boolean }
  | { readonly kind: 'attach'; readonly id: number; readonly spec: GroupSpec }
  | { readonly kind: 'detach'; readonly id: number; readonly group: number }
  | { readonly kind: 'operate'; readonly id: number; readonly group: number; readonly operation: Operation }
  /** An outcome for each key, in order; or one failure for all of them. */
  | {
      readonly kind: 'called'
      readonly call: number
      readonly outcome: readonly (Loaded | Failure)[] | Failure
    }
  | { readonly kind: 'ring'; readonly ring: RingView }

export interface Failure {
  readonly code: CodeName
  readonly message: string
}

/** Tells the outcome of a key that failed from one that did not. */
export function isFailure(outcome: Loaded | Failure): outcome is Failure {
  return 'code' in outcome
}

/** Keys of a watched group whose value is no longer good: it left the store, or is another one now. */
export interface ToldKeysReply {
  readonly kind: 'told'
  readonly group: number
  readonly keys: KeyPack | 'all'
}

/** From a worker; in arrays, too. */
export type ShardReply =
  | ToldKeysReply
  | {
      readonly kind: 'value'
      readonly id: number
      readonly value: Uint8Array
      /** hit: it was in memory when the owner looked again. */
      readonly outcome: 'hit' | 'load' | 'coalesced' | 'stale'
      readonly ttlLeftMs: number
    }
  | { readonly kind: 'done'; readonly id: number }
  | {
      readonly kind: 'operated'
      readonly id: number
      readonly result: OperationResults[keyof OperationResults]
    }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure }
  | {
      readonly kind: 'call'
      readonly call: number
      readonly group: number
      /** One, unless the getter takes many. */
      readonly keys: readonly Uint8Array[]
      readonly deadlineMs: number
      /** Sampled traces that wait for any of the keys; absent for none. */
      readonly traces?: readonly TraceParent[]
    }
  /** Nobody waits for that call of a getter function any more. */
  | { readonly kind: 'uncall'; readonly call: number }
