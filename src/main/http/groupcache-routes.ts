import protobuf from 'protobufjs/minimal.js'
import { groupNamed } from '../served-group.js'
import { deadlineOf } from './deadline.js'
import type { Operation } from './operation.js'
import { percentDecode } from './percent.js'
import type { Route } from './route.js'
import type { SurfaceParts } from './surface-parts.js'

/** Tag of `bytes value = 1` of groupcachepb.GetResponse. */
const VALUE_TAG = 0x0a

/**
 * What clients of golang/groupcache ask for: `GET /_groupcache/<group>/<key>`, both encoded with Go's url.QueryEscape, which
 * writes a space as a plus; answered by a GetResponse. A slash in the key may come as it is.
 */
export function groupcacheRoutes({ groups }: SurfaceParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/_groupcache/{group}/{key...}',
      plane: 'data',
      operation: OPERATION,
      async handle({ parameters, headers, signal, trace }) {
        const name = Buffer.from(percentDecode(parameters.group!, true)).toString('utf8')
        const key = percentDecode(parameters.key!, true)
        const group = groupNamed(groups, name, 'NOT_FOUND')
        const { value } = await group.fetch(key, { deadlineMs: deadlineOf(headers), signal, trace })
        const writer = protobuf.Writer.create()
        if (value.length > 0) writer.uint32(VALUE_TAG).bytes(value)
        return { status: 200, headers: { 'content-type': 'application/x-protobuf' }, body: writer.finish() }
      },
    },
  ]
}

const OPERATION: Operation = {
  id: 'getValueAsGroupcache',
  summary: 'The value of a key, for clients of golang/groupcache: a groupcachepb.GetResponse',
  parameters: {
    group: "Name of the group, as Go's url.QueryEscape writes it",
    key: 'The key, likewise',
  },
  answers: {
    200: { description: 'The value', content: { 'application/x-protobuf': undefined } },
  },
}
