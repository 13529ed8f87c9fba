import { groupNamed } from '../served-group.js'
import { deadlineOf } from './deadline.js'
import type { HttpAnswer, HttpRequest } from './exchange.js'
import type { Operation } from './operation.js'
import { percentDecode, percentDecodeText } from './percent.js'
import type { Route } from './route.js'
import type { SurfaceParts } from './surface-parts.js'
import { type Representation, representationOf, valueAnswer } from './value-answer.js'

const PATH = '/v1/groups/{group}/keys/{key}'

/** One key at a time. Deletes are the operator's when he has an address of his own. */
export function keyRoutes(parts: SurfaceParts, planes: 'all' | 'data' | 'control'): Route[] {
  const deletePlane = planes === 'all' ? 'both' : 'control'
  return [
    { method: 'GET', path: PATH, plane: 'data', operation: GET, handle: (request) => get(parts, request) },
    {
      method: 'DELETE',
      path: PATH,
      plane: deletePlane,
      operation: DELETE,
      handle: (request) => remove(parts, request),
    },
  ]
}

async function get({ groups, node, hits }: SurfaceParts, request: HttpRequest): Promise<HttpAnswer> {
  const { path, parameters, headers, signal, trace } = request
  hits?.enter()
  try {
    const hit = trace ? undefined : hits?.find(path)
    // A copy: it is sent after the pin was left.
    if (hit) return valueAnswer(copyOf(hit), request)
  } finally {
    hits?.leave()
  }
  const group = groupNamed(groups, percentDecodeText(parameters.group!), 'NOT_FOUND')
  const key = percentDecode(parameters.key!)
  const answer = await group.fetch(key, { deadlineMs: deadlineOf(headers), signal, trace })
  return valueAnswer(representationOf(answer, node.self), request)
}

function copyOf({ bytes, etag, ageS, maxAgeS, cache }: Representation): Representation {
  return { bytes: Uint8Array.from(bytes), etag, ageS, maxAgeS, cache }
}

async function remove({ groups }: SurfaceParts, request: HttpRequest): Promise<HttpAnswer> {
  const { parameters, headers, signal } = request
  const group = groupNamed(groups, percentDecodeText(parameters.group!), 'NOT_FOUND')
  await group.remove(percentDecode(parameters.key!), { deadlineMs: deadlineOf(headers), signal })
  return { status: 204, headers: {} }
}

const PARAMETERS = {
  group: 'Name of the group, percent-encoded UTF-8',
  key: 'The key, percent-encoded bytes. An encoded slash (%2F) is a byte like any other; so is %3A in a key that ends in a word of this interface, such as :explain',
}

const TIMEOUT = {
  'x-timeout-ms':
    'How long the client waits, in ms: 30 000 by default, 300 000 at most. grpc-timeout is understood, too',
}

const VALUE_HEADERS = {
  etag: 'Strong entity tag, made of the bytes of the value: the same on all nodes',
  'x-cache':
    'How the node came by the value: hit, hot (a copy of what another node owns), miss (it was loaded), peer (its owner had it), stale',
  age: 'Seconds since the value was stored, where the node knows: of hits with a time to live',
  'cache-control': 'max-age: seconds of its time to live that are left; absent when it has none',
}

const GET: Operation = {
  id: 'getValue',
  summary: 'The value of a key',
  parameters: PARAMETERS,
  headers: {
    ...TIMEOUT,
    'if-none-match': 'Entity tags that the client has: then the answer is 304',
    range: 'One range of bytes, as in bytes=0-99',
    'if-range': 'An entity tag: the range is answered only when it is still the present one',
  },
  answers: {
    200: {
      description: 'The value',
      headers: VALUE_HEADERS,
      content: { 'application/octet-stream': undefined },
    },
    206: {
      description: 'A part of it',
      headers: VALUE_HEADERS,
      content: { 'application/octet-stream': undefined },
    },
    304: { description: 'The client has it', headers: VALUE_HEADERS },
    416: { description: 'It has no such bytes' },
  },
}

const DELETE: Operation = {
  id: 'deleteKey',
  summary:
    'Removes a key from the memory of its owner, whether it is there or not; the source keeps what it has',
  parameters: PARAMETERS,
  headers: TIMEOUT,
  answers: { 204: { description: 'The owner of the key holds it no more' } },
}
