import type { NodeView } from '../node-view.js'
import type { ServedGroups } from '../served-group.js'
import type { Hits } from './hits.js'
import type { LiveParts } from './live/live-parts.js'

/** What routes are built of, on the main thread or in a front thread. */
export interface SurfaceParts {
  readonly groups: ServedGroups
  readonly node: NodeView
  /** False until the node has joined its ring, and from when it begins to leave it. */
  readonly isReady: () => boolean
  /** Of this thread; the operator's address has none. */
  readonly hits?: Hits
  readonly live: LiveParts
}
