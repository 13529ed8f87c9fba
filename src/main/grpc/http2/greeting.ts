import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { writeWindowUpdate } from './frame.js'
import type { ConnectionLimits } from './limits.js'
import { SettingId, WINDOW_BYTES_DEFAULT, writeSettings } from './settings.js'

/** How a client begins that speaks HTTP/1. */
export const HTTP1_REQUEST = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S/
export const HTTP1_ANSWER = Buffer.from(
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
  'latin1',
)

/** What a server tells of itself before anything else. */
export function writeGreeting(output: OutputBuffer, limits: ConnectionLimits): void {
  writeSettings(output, [
    [SettingId.MAX_CONCURRENT_STREAMS, limits.concurrentStreamsMax],
    [SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
    [SettingId.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
  ])
  const increment = limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT
  if (increment > 0) writeWindowUpdate(output, 0, increment)
}
