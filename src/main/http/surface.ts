import type { NodeView } from '../node-view.js'
import type { ServedGroups } from '../served-group.js'
import { batchRoutes } from './batch-routes.js'
import { groupcacheRoutes } from './groupcache-routes.js'
import { healthRoutes } from './health-routes.js'
import type { Hits } from './hits.js'
import { keyRoutes } from './key-routes.js'
import { nodeRoutes } from './node-routes.js'
import { openApiRoute } from './open-api.js'
import { type Route, routesOf } from './route.js'
import { Router } from './router.js'
import type { WebSocketRoute } from './web-socket.js'

/** What routes are built of, on the main thread or in a front thread. */
export interface SurfaceParts {
  readonly groups: ServedGroups
  readonly node: NodeView
  /** False until the node has joined its ring, and from when it begins to leave it. */
  readonly isReady: () => boolean
  /** Of this thread; the operator's address has none. */
  readonly hits?: Hits
}

/** All that an address serves. */
export interface Surface {
  readonly router: Router
  readonly webSockets: readonly WebSocketRoute[]
}

/**
 * @param planes what the address is for: everything, or one of the two when the node has an address for each
 */
export function newSurface(parts: SurfaceParts, planes: 'all' | 'data' | 'control'): Surface {
  const routes: readonly Route[] = [
    ...keyRoutes(parts, planes),
    ...batchRoutes(parts, planes),
    ...groupcacheRoutes(parts),
    ...nodeRoutes(parts),
    ...healthRoutes(parts),
  ]
  const served = routesOf(routes, planes)
  const document = routesOf([openApiRoute(served)], planes)
  return { router: new Router([...served, ...document]), webSockets: webSocketRoutes(planes) }
}

function webSocketRoutes(planes: 'all' | 'data' | 'control'): WebSocketRoute[] {
  const routes: readonly WebSocketRoute[] = []
  return routes.filter(({ plane }) => planes === 'all' || plane === 'both' || plane === planes)
}
