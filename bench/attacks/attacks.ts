import { CLIENT_PREFACE, Flag, FrameType } from '../../src/main/grpc/http2/frame.js'
import { getRequest } from '../load/get-request.js'
import { block, callBlock, frame, headersFrame, settingsFrame, uint32 } from '../load/http2-frames.js'

/** One way to hurt a server: what an attacker does on each of its connections. */
export interface Attack {
  readonly name: string
  /** Open at a time; one that the server ends is replaced by the next. */
  readonly connections: number
  /** Of all connections together; 0 to do nothing but hold them. */
  readonly unitsPerSecond: number
  /** Sent on every connection first. */
  readonly opening: Buffer
  /** What is sent again and again, on a stream of its own. */
  unit(streamId: number): Buffer
  /** How many of them a connection sends, which then goes on to hold what it has. Default: no end. */
  readonly unitsMax?: number
  /** Each unit has a connection to itself. */
  readonly isFresh?: boolean
  /** Reads nothing of what it is sent. */
  readonly isDeaf?: boolean
}

/** Keys that the node has in memory, by the size of their values. */
export interface AttackedKeys {
  readonly group: string
  readonly small: string
  readonly large: string
}

const FRAMES_PER_SECOND = 50_000
const CALLS_PER_SECOND = 20_000
const CONNECTIONS_PER_SECOND = 500
const CANCEL = 8
const INITIAL_WINDOW_SIZE = 4
const WINDOW_BYTES_MAX = 2 ** 31 - 1
const NOTHING = Buffer.alloc(0)
const GREETING = Buffer.concat([CLIENT_PREFACE, settingsFrame()])
/** Of one who can be sent anything. */
const WIDE_GREETING = Buffer.concat([
  CLIENT_PREFACE,
  settingsFrame([INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX]),
  frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)),
])
const HEAD = callBlock('/pb.GroupCache/Get')
/** One entry for the dynamic table, of 4000 bytes, named ten thousand times by one byte each. */
const HPACK_BOMB = Buffer.concat([
  Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1e]),
  Buffer.alloc(4000, 'b'),
  Buffer.alloc(10_000, 0xbe),
])

/** Every attack that the engine is said to withstand. */
export function attacksOn({ group, small, large }: AttackedKeys): readonly Attack[] {
  const get = (streamId: number, key: string) =>
    Buffer.concat([
      headersFrame(streamId, HEAD),
      frame(FrameType.DATA, Flag.END_STREAM, streamId, getRequest(group, key)),
    ])
  const reset = (streamId: number) => frame(FrameType.RST_STREAM, 0, streamId, uint32(CANCEL))
  const calls = { connections: 4, unitsPerSecond: CALLS_PER_SECOND, opening: GREETING }
  const frames = { connections: 4, unitsPerSecond: FRAMES_PER_SECOND, opening: GREETING }
  const fresh = { connections: 50, unitsPerSecond: CONNECTIONS_PER_SECOND, opening: GREETING, isFresh: true }
  /** A call whose message is announced and does not come. */
  const begun = Buffer.concat([
    GREETING,
    headersFrame(1, HEAD),
    frame(FrameType.DATA, 0, 1, Buffer.from([0, 0, 0x10, 0, 0])),
  ])
  return [
    {
      ...calls,
      name: 'rapid reset, before the request is complete',
      unit: (id) => Buffer.concat([headersFrame(id, HEAD), reset(id)]),
    },
    {
      ...calls,
      name: 'rapid reset of loads: keys that nobody has',
      unit: (id) => Buffer.concat([get(id, `absent${id}`), reset(id)]),
    },
    {
      ...calls,
      name: 'MadeYouReset, by WINDOW_UPDATE of 0',
      unit: (id) => Buffer.concat([headersFrame(id, HEAD), frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0))]),
    },
    {
      ...fresh,
      name: 'CONTINUATION without end',
      unit: (id) =>
        Buffer.concat([
          headersFrame(id, HEAD, 0),
          ...Array<Buffer>(100).fill(frame(FrameType.CONTINUATION, 0, id, block('name', 'x'.repeat(500)))),
        ]),
    },
    { ...fresh, name: 'HPACK bomb', unit: (id) => headersFrame(id, HPACK_BOMB) },
    { ...frames, name: 'SETTINGS', unit: () => settingsFrame() },
    { ...frames, name: 'PING', unit: () => frame(FrameType.PING, 0, 0, Buffer.alloc(8)) },
    { ...frames, name: 'PRIORITY', unit: () => frame(FrameType.PRIORITY, 0, 7, Buffer.alloc(5)) },
    { ...frames, name: 'empty DATA', opening: begun, unit: () => frame(FrameType.DATA, 0, 1) },
    {
      ...frames,
      name: 'DATA of one byte',
      opening: begun,
      unit: () => frame(FrameType.DATA, 0, 1, Buffer.alloc(1)),
    },
    {
      ...calls,
      name: 'zero windows, replies of 64 KiB',
      connections: 50,
      unitsMax: 900,
      opening: Buffer.concat([CLIENT_PREFACE, settingsFrame([INITIAL_WINDOW_SIZE, 0])]),
      unit: (id) => get(id, large),
    },
    {
      ...calls,
      name: 'replies of 64 KiB that are not read',
      connections: 50,
      unitsMax: 900,
      isDeaf: true,
      opening: WIDE_GREETING,
      unit: (id) => get(id, large),
    },
    {
      ...calls,
      name: 'messages of 4 GiB, announced',
      unit: (id) =>
        Buffer.concat([
          headersFrame(id, HEAD),
          frame(FrameType.DATA, 0, id, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])),
        ]),
    },
    { ...fresh, name: 'garbage of 16 KiB', opening: NOTHING, unit: () => Buffer.alloc(16_384, 0xa5) },
    {
      name: 'connections that say nothing',
      connections: 4000,
      unitsPerSecond: 0,
      opening: NOTHING,
      unit: () => NOTHING,
    },
    {
      ...calls,
      name: 'honest calls, as many',
      opening: WIDE_GREETING,
      unit: (id) => get(id, small),
    },
  ]
}
