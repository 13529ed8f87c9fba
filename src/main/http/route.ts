import type { HttpAnswer, HttpRequest, Method } from './exchange.js'
import type { Operation } from './operation.js'

/**
 * Who a route is for: clients that read data; whoever operates the node; or both. When the node has an address for its
 * operator, each address serves only what it is for.
 */
export type Plane = 'data' | 'control' | 'both'

/** One route. The table of all of them is what the servers serve and what the OpenAPI document is made of. */
export interface Route {
  /** GET serves HEAD, too. */
  readonly method: Exclude<Method, 'HEAD'>
  /**
   * Segments that are literal, `{name}` for any one segment that is not empty, `{name}:verb`, and last `{name...}` for all
   * that is left, slashes and all.
   */
  readonly path: string
  readonly plane: Plane
  /** Largest body; routes without it take none. */
  readonly bodyBytesMax?: number
  /** What the OpenAPI document says of it; routes without it are not in there. */
  readonly operation?: Operation
  /** May throw or reject: a CacheError becomes a problem document, anything else a 500 and a line in the log. */
  readonly handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>
}

/** The routes that an address of one purpose serves: all of them, unless there are two. */
export function routesOf(routes: readonly Route[], planes: 'all' | 'data' | 'control'): Route[] {
  return routes.filter(({ plane }) => planes === 'all' || plane === 'both' || plane === planes)
}
