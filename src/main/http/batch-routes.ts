import { CacheError } from '../../shared/errors.js'
import { MANY_KEYS_MAX } from '../../shared/limits.js'
import type { Answer } from '../call.js'
import { groupNamed, type ServedGroup } from '../served-group.js'
import type { BatchEntry, BatchFormat } from './batch.js'
import { batchJson } from './batch-json.js'
import { BATCH_DELETE, BATCH_GET } from './batch-operations.js'
import { batchProtobuf } from './batch-protobuf.js'
import { deadlineOf } from './deadline.js'
import type { HttpAnswer, HttpRequest } from './exchange.js'
import { percentDecodeText } from './percent.js'
import { HttpProblem, STATUS_OF } from './problem.js'
import type { Route } from './route.js'
import type { SurfaceParts } from './surface-parts.js'
import { cacheOf } from './value-answer.js'

/** Largest body of a batch: far more than its keys take, as a rule. */
const BODY_BYTES_MAX = 4 * 1024 * 1024

/** Values of one answer; those that do not fit any more have to be asked for again. */
const VALUES_BYTES_MAX = 32 * 1024 * 1024

/** Deletes of one batch that are under way at a time. */
const DELETES_AT_ONCE = 256

const FORMATS: readonly BatchFormat[] = [batchJson, batchProtobuf]

type Work = (group: ServedGroup, keys: readonly Uint8Array[], request: HttpRequest) => Promise<BatchEntry[]>

/** Many keys of a group at a time. Deletes are the operator's when he has an address of his own. */
export function batchRoutes(parts: SurfaceParts, planes: 'all' | 'data' | 'control'): Route[] {
  const deletePlane = planes === 'all' ? 'both' : 'control'
  const batch = (work: Work) => (request: HttpRequest) => serve(parts, request, work)
  const common = { method: 'POST', bodyBytesMax: BODY_BYTES_MAX } as const
  return [
    {
      ...common,
      path: '/v1/groups/{group}/keys:batchGet',
      plane: 'data',
      operation: BATCH_GET,
      handle: batch((group, keys, request) => getAll(parts.node.self, group, keys, request)),
    },
    {
      ...common,
      path: '/v1/groups/{group}/keys:batchDelete',
      plane: deletePlane,
      operation: BATCH_DELETE,
      handle: batch(removeAll),
    },
  ]
}

async function serve({ groups }: SurfaceParts, request: HttpRequest, work: Work): Promise<HttpAnswer> {
  const format = formatOf(request)
  const group = groupNamed(groups, percentDecodeText(request.parameters.group!), 'NOT_FOUND')
  const { keys } = format.read(request.body)
  if (keys.length > MANY_KEYS_MAX) {
    throw new CacheError('INVALID_ARGUMENT', `A batch has at most ${MANY_KEYS_MAX} keys`)
  }
  const entries = await work(group, keys, request)
  const headers = { 'content-type': format.mediaType, 'cache-control': 'no-store' }
  return { status: 200, headers, body: format.write(entries) }
}

/**
 * Of the body, and of the answer. A browser sends neither media type to another site without asking it before, which is
 * why no page of another site can delete anything.
 */
function formatOf({ headers }: HttpRequest): BatchFormat {
  const sent = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  const format = FORMATS.find(({ mediaType }) => mediaType === sent)
  if (format !== undefined) return format
  const types = FORMATS.map(({ mediaType }) => mediaType).join(' or ')
  throw new HttpProblem(415, `The body is ${types}`, { headers: { accept: types.replace(' or', ',') } })
}

async function getAll(
  self: string,
  group: ServedGroup,
  keys: readonly Uint8Array[],
  { headers, signal, trace }: HttpRequest,
): Promise<BatchEntry[]> {
  const answers = await group.fetchMany(keys, { deadlineMs: deadlineOf(headers), signal, trace })
  let bytes = 0
  return answers.map((answer, index) => {
    const key = keys[index]!
    if (answer instanceof CacheError) return failed(key, answer)
    bytes += answer.value.length
    if (bytes <= VALUES_BYTES_MAX) return present(key, answer, self)
    return failed(key, new CacheError('RESOURCE_EXHAUSTED', 'The answer is full: ask for this key again'))
  })
}

async function removeAll(
  group: ServedGroup,
  keys: readonly Uint8Array[],
  { headers, signal }: HttpRequest,
): Promise<BatchEntry[]> {
  const options = { deadlineMs: deadlineOf(headers), signal }
  const entries: BatchEntry[] = []
  for (let from = 0; from < keys.length; from += DELETES_AT_ONCE) {
    const some = keys.slice(from, from + DELETES_AT_ONCE)
    const results = await Promise.allSettled(some.map((key) => group.remove(key, options)))
    results.forEach((result, index) => {
      const key = some[index]!
      entries.push(result.status === 'fulfilled' ? { key } : failed(key, result.reason))
    })
  }
  return entries
}

function present(key: Uint8Array, answer: Answer, self: string): BatchEntry {
  const { value, ttlLeftMs } = answer
  const timed = ttlLeftMs !== Number.POSITIVE_INFINITY
  return { key, value, cache: cacheOf(answer, self), ...(timed && { ttlLeftMs }) }
}

function failed(key: Uint8Array, thrown: unknown): BatchEntry {
  const { code, message } = CacheError.from(thrown, 'INTERNAL')
  return { key, failure: { code, status: STATUS_OF[code], detail: message } }
}
