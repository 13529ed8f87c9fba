import { metricsOf } from '../metrics/exposition.js'
import type { NodeView } from '../node-view.js'
import { packageVersion } from '../package-version.js'
import type { Operation } from './operation.js'
import type { Route } from './route.js'

/** For Prometheus, and whatever else reads its format. */
export function metricsRoute(node: NodeView): Route {
  const version = packageVersion()
  return {
    method: 'GET',
    path: '/metrics',
    plane: 'control',
    operation: METRICS,
    async handle({ headers }) {
      const { contentType, body } = await metricsOf(node, headers.get('accept'), version)
      return {
        status: 200,
        headers: { 'content-type': contentType, 'cache-control': 'no-store', vary: 'accept' },
        body,
      }
    },
  }
}

const METRICS: Operation = {
  id: 'getMetrics',
  summary: 'All counters of the node, its groups, fronts, peers and threads, for monitoring',
  headers: {
    accept: 'application/openmetrics-text for OpenMetrics; without it the answer is Prometheus text',
  },
  answers: {
    200: {
      description: 'Prometheus text format 0.0.4, or OpenMetrics 1.0.0',
      content: { 'text/plain': undefined, 'application/openmetrics-text': undefined },
    },
  },
}
