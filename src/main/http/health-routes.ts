import { type HttpAnswer, jsonAnswer } from './exchange.js'
import type { Route } from './route.js'
import type { SurfaceParts } from './surface-parts.js'

/** For load balancers and whatever restarts processes. */
export function healthRoutes({ isReady }: SurfaceParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      plane: 'both',
      operation: {
        id: 'isAlive',
        summary: 'Whether the process serves at all',
        answers: { 200: { description: 'It does', content: { 'application/json': STATUS } } },
      },
      handle: () => statusAnswer(true, 'ok'),
    },
    {
      method: 'GET',
      path: '/readyz',
      plane: 'both',
      operation: {
        id: 'isReady',
        summary:
          'Whether the node has its place in the ring: not yet while it starts, no more once it closes',
        answers: {
          200: { description: 'It has', content: { 'application/json': STATUS } },
          503: { description: 'It has not', content: { 'application/json': STATUS } },
        },
      },
      handle: () => (isReady() ? statusAnswer(true, 'ready') : statusAnswer(false, 'not ready')),
    },
  ]
}

const STATUS = { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] } as const

function statusAnswer(isFine: boolean, status: string): HttpAnswer {
  return jsonAnswer({ status }, isFine ? 200 : 503)
}
