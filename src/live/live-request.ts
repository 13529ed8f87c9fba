import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** What a client asks for; geekcache.v1.LiveRequest.call. */
export type LiveCall =
  | { readonly kind: 'get' | 'delete' | 'explain'; readonly group: string; readonly key: Uint8Array }
  | { readonly kind: 'getMany'; readonly group: string; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'hotKeys'; readonly group: string; readonly count: number }
  | { readonly kind: 'ring'; readonly key: Uint8Array }
  | { readonly kind: 'watchKeys'; readonly group: string; readonly prefix: Uint8Array }
  | { readonly kind: 'watchStats'; readonly everyMs: number }
  | { readonly kind: 'stats' | 'cancel' | 'ping' }

/** One message of a client. */
export interface LiveRequest {
  /** 1 to 2^32 − 1. */
  readonly id: number
  /** 0 for the node's own limit. */
  readonly deadlineMs: number
  /** Undefined for a kind that this version does not know. */
  readonly call: LiveCall | undefined
}

const FIELDS = {
  get: 3,
  getMany: 4,
  delete: 5,
  explain: 6,
  hotKeys: 7,
  stats: 8,
  ring: 9,
  watchKeys: 10,
  watchStats: 11,
  cancel: 12,
  ping: 13,
} as const satisfies Record<LiveCall['kind'], number>

const KINDS = new Map(
  Object.entries(FIELDS).map(([kind, field]) => [field as number, kind as LiveCall['kind']]),
)

export function encodeRequest(id: number, deadlineMs: number, call: LiveCall): Uint8Array<ArrayBuffer> {
  return new WireWriter()
    .uint(1, id)
    .uint(2, deadlineMs)
    .message(FIELDS[call.kind], (writer) => writeCall(call, writer))
    .finish()
}

function writeCall(call: LiveCall, writer: WireWriter): void {
  switch (call.kind) {
    case 'get':
    case 'delete':
    case 'explain':
      writer.text(1, call.group).bytes(2, call.key)
      break
    case 'getMany':
      writer.text(1, call.group)
      for (const key of call.keys) writer.bytesAlways(2, key)
      break
    case 'hotKeys':
      writer.text(1, call.group).uint(2, call.count)
      break
    case 'ring':
      writer.bytes(1, call.key)
      break
    case 'watchKeys':
      writer.text(1, call.group).bytes(2, call.prefix)
      break
    case 'watchStats':
      writer.uint(1, call.everyMs)
      break
  }
}

/** Keys are views of `bytes`. Throws RangeError on bytes that are no such message. */
export function decodeRequest(bytes: Uint8Array): LiveRequest {
  const reader = new WireReader(bytes)
  let id = 0
  let deadlineMs = 0
  let call: LiveCall | undefined
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    const kind = KINDS.get(field)
    if (field === 1) id = reader.uint32()
    else if (field === 2) deadlineMs = reader.uint32()
    else if (kind !== undefined) call = readCall(kind, reader.message())
    else reader.skip()
  }
  return { id, deadlineMs, call }
}

const NO_BYTES = new Uint8Array(0)

function readCall(kind: LiveCall['kind'], reader: WireReader): LiveCall {
  let group = ''
  let count = 0
  const keys: Uint8Array[] = []
  const hasGroup = kind !== 'ring' && kind !== 'watchStats'
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1 && hasGroup) group = reader.text()
    else if (field === 1 && kind === 'ring') keys.push(reader.bytes())
    else if (field === 1 || (field === 2 && kind === 'hotKeys')) count = reader.uint32()
    else if (field === 2) keys.push(reader.bytes())
    else reader.skip()
  }
  const key = keys.at(-1) ?? NO_BYTES
  switch (kind) {
    case 'get':
    case 'delete':
    case 'explain':
      return { kind, group, key }
    case 'getMany':
      return { kind, group, keys }
    case 'hotKeys':
      return { kind, group, count }
    case 'ring':
      return { kind, key }
    case 'watchKeys':
      return { kind, group, prefix: key }
    case 'watchStats':
      return { kind, everyMs: count }
    case 'stats':
    case 'cancel':
    case 'ping':
      return { kind }
  }
}
