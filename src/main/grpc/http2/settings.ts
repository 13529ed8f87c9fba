import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { ConnectionError } from './errors.js'
import { beginFrame, FRAME_BYTES_DEFAULT, FrameType, readUint32, writeUint32 } from './frame.js'
import { TABLE_BYTES_DEFAULT } from './hpack-table.js'

/** SETTINGS identifiers (RFC 9113, section 6.5.2). */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const

export const WINDOW_BYTES_DEFAULT = 65_535
export const WINDOW_BYTES_MAX = 0x7fff_ffff

const SETTING_BYTES = 6
const FRAME_BYTES_MAX = 0xff_ffff

/** What the peer told us; the values before its SETTINGS arrive are those of the RFC. */
export interface PeerSettings {
  headerTableBytes: number
  enablePush: boolean
  /** Streams that we may open to the peer. */
  concurrentStreamsMax: number
  initialWindowBytes: number
  frameBytesMax: number
  headerListBytesMax: number
}

export function initialPeerSettings(): PeerSettings {
  return {
    headerTableBytes: TABLE_BYTES_DEFAULT,
    enablePush: true,
    concurrentStreamsMax: Number.POSITIVE_INFINITY,
    initialWindowBytes: WINDOW_BYTES_DEFAULT,
    frameBytesMax: FRAME_BYTES_DEFAULT,
    headerListBytesMax: Number.POSITIVE_INFINITY,
  }
}

/**
 * Applies the payload of a SETTINGS frame in order, so that of duplicates the last counts. Unknown settings are ignored.
 *
 * @throws ConnectionError
 */
export function applySettings(settings: PeerSettings, buffer: Uint8Array, start: number, end: number): void {
  if ((end - start) % SETTING_BYTES !== 0) {
    throw new ConnectionError('FRAME_SIZE_ERROR', `SETTINGS of ${end - start} bytes`)
  }
  for (let offset = start; offset < end; offset += SETTING_BYTES) {
    applySetting(settings, (buffer[offset]! << 8) | buffer[offset + 1]!, readUint32(buffer, offset + 2))
  }
}

function applySetting(settings: PeerSettings, id: number, value: number): void {
  switch (id) {
    case SettingId.HEADER_TABLE_SIZE:
      settings.headerTableBytes = value
      return
    case SettingId.ENABLE_PUSH:
      if (value > 1) throw new ConnectionError('PROTOCOL_ERROR', `SETTINGS_ENABLE_PUSH ${value}`)
      settings.enablePush = value === 1
      return
    case SettingId.MAX_CONCURRENT_STREAMS:
      settings.concurrentStreamsMax = value
      return
    case SettingId.INITIAL_WINDOW_SIZE:
      if (value > WINDOW_BYTES_MAX) {
        throw new ConnectionError('FLOW_CONTROL_ERROR', `SETTINGS_INITIAL_WINDOW_SIZE ${value}`)
      }
      settings.initialWindowBytes = value
      return
    case SettingId.MAX_FRAME_SIZE:
      if (value < FRAME_BYTES_DEFAULT || value > FRAME_BYTES_MAX) {
        throw new ConnectionError('PROTOCOL_ERROR', `SETTINGS_MAX_FRAME_SIZE ${value}`)
      }
      settings.frameBytesMax = value
      return
    case SettingId.MAX_HEADER_LIST_SIZE:
      settings.headerListBytesMax = value
      return
    default:
  }
}

/** Appends a SETTINGS frame of identifier and value pairs. */
export function writeSettings(output: OutputBuffer, settings: readonly (readonly [number, number])[]): void {
  let offset = beginFrame(output, settings.length * SETTING_BYTES, FrameType.SETTINGS, 0, 0)
  for (const [id, value] of settings) {
    output.bytes[offset] = id >>> 8
    output.bytes[offset + 1] = id
    writeUint32(output.bytes, offset + 2, value)
    offset += SETTING_BYTES
  }
}
