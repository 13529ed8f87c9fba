import type { HashSeed } from './hash.js'
import type { KeyPack } from './key-pack.js'
import type { Failure, GroupView, RingView } from './messages.js'
import type { TraceParent } from './tracing.js'

/** Everything that crosses between the main thread of a node and a thread that is attached to it. */

/** The first message to an attached thread, alone; the others come in arrays. */
export interface Welcome {
  /** Its number among the threads that count and pin. */
  readonly thread: number
  readonly seed: HashSeed
  readonly epochs: SharedArrayBuffer
  /** Of {@link NodeCounters}. */
  readonly counters: SharedArrayBuffer
  readonly groups: readonly GroupView[]
  readonly ring: RingView
}

/** What an attached thread cannot answer by itself. */
export type AttachedCall =
  | {
      readonly kind: 'fetch' | 'remove'
      readonly group: string
      readonly key: Uint8Array
      /** Infinity for a caller that set no limit. */
      readonly deadlineMs: number
      readonly forwarded: boolean
      /** The sampled trace that the call is part of; absent for none. */
      readonly trace?: TraceParent
    }
  | {
      /** Answered by an answer or a Failure for each key, in order. */
      readonly kind: 'fetchMany'
      readonly group: string
      readonly keys: readonly Uint8Array[]
      readonly deadlineMs: number
      readonly forwarded: boolean
      readonly trace?: TraceParent
    }
  | {
      /** A peer's: what was told of keys after `sequence` of that `session`. */
      readonly kind: 'poll'
      readonly session: string
      readonly sequence: number
      readonly groups: readonly { readonly name: string; readonly isCovered: boolean }[]
      readonly deadlineMs: number
    }
  | { readonly kind: 'counters' }
  | { readonly kind: 'members' }
  | { readonly kind: 'peers' }
  | { readonly kind: 'owners'; readonly key: Uint8Array }
  | { readonly kind: 'explain'; readonly group: string; readonly key: Uint8Array }
  | { readonly kind: 'hotKeys'; readonly group: string; readonly countMax: number | undefined }

/** To the main thread. */
export type AttachedRequest =
  | { readonly kind: 'call'; readonly id: number; readonly call: AttachedCall }
  /** Nobody waits for that call any more. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** Whether somebody in the thread wants to hear of the keys of a group that are no longer good. */
  | { readonly kind: 'watch'; readonly group: string; readonly isWatched: boolean }
  /** So many messages `invalidated` were taken since this was told last. */
  | { readonly kind: 'heard'; readonly count: number }
  /** The thread has read the last of the memory that the group had before. */
  | { readonly kind: 'moved'; readonly id: number }

/** From the main thread: news, and answers to calls. */
export type AttachedReply =
  | { readonly kind: 'group'; readonly view: GroupView }
  | { readonly kind: 'groupGone'; readonly id: number }
  /** The group has other memory: to be answered with `moved`. */
  | { readonly kind: 'groupMoved'; readonly id: number; readonly view: GroupView }
  | { readonly kind: 'ring'; readonly ring: RingView }
  /** Keys of a watched group. To be answered with `heard`. */
  | { readonly kind: 'invalidated'; readonly group: string; readonly keys: KeyPack | 'all' }
  /** Addresses of the nodes that tell of the keys of a watched group which they own. */
  | { readonly kind: 'covering'; readonly group: string; readonly addresses: readonly string[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure }
