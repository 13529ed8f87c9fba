import type { MessagePort } from 'node:worker_threads'
import type { NodeCounterRow } from '../shared/node-counters.js'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import { AdminFront } from './admin-front.js'
import type { Front } from './front.js'
import type { Groups } from './groups.js'
import { HttpFront } from './http-front.js'
import type { Invalidations } from './invalidations.js'
import type { Log, NodeOptions } from './node-options.js'
import type { NodeView } from './node-view.js'
import { packageVersion } from './package-version.js'
import { DEFAULT_LIMITS } from './resp/limits.js'
import { RespFront } from './resp/resp-front.js'
import type { TlsFiles } from './tls-files.js'

/** What the fronts are built of. */
export interface FrontParts {
  readonly options: NodeOptions
  readonly groups: Groups
  readonly node: NodeView
  readonly invalidations: Invalidations
  /** Of the main thread. */
  readonly pin: ReaderPin
  /** What the main thread counts of the node as a whole: each front takes its `metrics.front(NAME)`. */
  readonly metrics: NodeCounterRow
  readonly tls: TlsFiles | undefined
  readonly log: Log
  /** A handle for one more thread that shares the cache. */
  readonly newHandle: () => MessagePort
}

/** How long a request of a Redis client may take, in ms. */
const RESP_DEADLINE_MS = 10_000

/** The fronts that the options ask for beside gRPC, in the order in which they start; none of them listens yet. */
export function newFronts(parts: FrontParts): Front[] {
  const { http, resp, admin } = parts.options
  const fronts: Front[] = []
  if (http !== undefined) fronts.push(new HttpFront(parts, http))
  if (resp !== undefined) fronts.push(newRespFront(resp, parts))
  if (admin !== undefined) fronts.push(new AdminFront(parts, admin))
  return fronts
}

function newRespFront(address: string, parts: FrontParts): Front {
  const { options, groups, node, invalidations, pin, tls, log } = parts
  const front = new RespFront(address, {
    groups,
    node,
    invalidations,
    pin,
    counters: parts.metrics,
    limits: DEFAULT_LIMITS,
    tls: tls?.serverOptions(),
    password: options.respPassword,
    defaultGroup: options.respDefaultGroup,
    deadlineMs: options.respDeadlineMs ?? RESP_DEADLINE_MS,
    version: packageVersion(),
    log,
  })
  tls?.watch((context) => front.server.setSecureContext(context))
  return front
}
