import { batchRoutes } from './batch-routes.js'
import { dashboardRoutes } from './dashboard.js'
import { groupcacheRoutes } from './groupcache-routes.js'
import { healthRoutes } from './health-routes.js'
import { keyRoutes } from './key-routes.js'
import { liveRoute } from './live/live-route.js'
import { metricsRoute } from './metrics-route.js'
import { nodeRoutes } from './node-routes.js'
import { openApiRoute } from './open-api.js'
import { type Route, routesOf } from './route.js'
import { Router } from './router.js'
import type { SurfaceParts } from './surface-parts.js'
import type { WebSocketRoute } from './web-socket.js'

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
    metricsRoute(parts.node),
    ...healthRoutes(parts),
    ...(planes === 'data' ? [] : dashboardRoutes()),
  ]
  const served = routesOf(routes, planes)
  const document = routesOf([openApiRoute(served)], planes)
  return { router: new Router([...served, ...document]), webSockets: webSocketRoutes(parts, planes) }
}

function webSocketRoutes(parts: SurfaceParts, planes: 'all' | 'data' | 'control'): WebSocketRoute[] {
  const routes: readonly WebSocketRoute[] = [liveRoute(parts.live, planes)]
  return routes.filter(({ plane }) => planes === 'all' || plane === 'both' || plane === planes)
}
