import type { Plane } from '../route.js'
import type { WebSocketRoute } from '../web-socket.js'
import { LiveHub } from './live-hub.js'
import { CUT_OFF_BYTES, FRAME_BYTES_MAX } from './live-limits.js'
import type { LiveParts } from './live-parts.js'

const PATH = '/v1/ws'

/** Where the WebSocket protocol is served: proto/geekcache/v1/live.proto. */
export function liveRoute(parts: LiveParts, planes: 'all' | Exclude<Plane, 'both'>): WebSocketRoute {
  const hub = new LiveHub(parts, {
    data: planes !== 'control',
    control: planes !== 'data',
    deletes: planes !== 'data',
  })
  return {
    path: PATH,
    plane: 'both',
    messageBytesMax: FRAME_BYTES_MAX,
    // The session cuts off before; one value of the largest size may stand beside that.
    bufferedBytesMax: 2 * CUT_OFF_BYTES,
    onRefused: () => parts.metrics?.connectionRefused(),
    open(socket) {
      const connection = hub.open(socket)
      return {
        message: (bytes, isBinary) => connection.receive(bytes, isBinary),
        drain: () => connection.drained(),
        close: () => connection.closed(),
      }
    },
  }
}
