import type { MessagePort } from 'node:worker_threads'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import { AdminFront } from './admin-front.js'
import type { Front } from './front.js'
import type { Groups } from './groups.js'
import { HttpFront } from './http-front.js'
import type { Invalidations } from './invalidations.js'
import type { Log, NodeOptions } from './node-options.js'
import type { NodeView } from './node-view.js'
import type { TlsFiles } from './tls-files.js'

/** What the fronts are built of. */
export interface FrontParts {
  readonly options: NodeOptions
  readonly groups: Groups
  readonly node: NodeView
  readonly invalidations: Invalidations
  /** Of the main thread. */
  readonly pin: ReaderPin
  readonly tls: TlsFiles | undefined
  readonly log: Log
  /** A handle for one more thread that shares the cache. */
  readonly newHandle: () => MessagePort
}

/** The fronts that the options ask for beside gRPC, in the order in which they start; none of them listens yet. */
export function newFronts(parts: FrontParts): Front[] {
  const { http, admin } = parts.options
  const fronts: Front[] = []
  if (http !== undefined) fronts.push(new HttpFront(parts, http))
  if (admin !== undefined) fronts.push(new AdminFront(parts, admin))
  return fronts
}
