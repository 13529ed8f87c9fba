import { CacheError, Code, codeNameOf } from '../../shared/errors.js'
import { MANY_KEYS_MAX } from '../../shared/limits.js'
import { lengthTag, messageCodec, readBytes, readText, varintTag } from '../service/message.js'
import type { BatchEntry, BatchFailure, BatchFormat, BatchRequest } from './batch.js'

type Open<Message> = { -readonly [Name in keyof Message]: Message[Name] }

/** geekcache.v1.BatchRequest. */
export const batchRequestCodec = messageCodec<{ keys: Uint8Array[] }>(
  () => ({ keys: [] }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    // Where there are more the batch is refused anyway; an empty key takes two bytes, and an object here.
    if (message.keys.length > MANY_KEYS_MAX) reader.skipType(2)
    else message.keys.push(readBytes(reader))
    return true
  },
  ({ keys }, writer) => {
    for (const key of keys) writer.uint32(lengthTag(1)).bytes(key)
  },
)

/** geekcache.v1.BatchFailure. */
const failureCodec = messageCodec<Open<BatchFailure>>(
  () => ({ code: 'UNKNOWN', status: 0, detail: '' }),
  (message, tag, reader) => {
    if (tag === varintTag(1)) message.code = codeNameOf(reader.uint32())
    else if (tag === varintTag(2)) message.status = reader.uint32()
    else if (tag === lengthTag(3)) message.detail = readText(reader)
    else return false
    return true
  },
  ({ code, status, detail }, writer) => {
    writer.uint32(varintTag(1)).uint32(Code[code])
    writer.uint32(varintTag(2)).uint32(status)
    writer.uint32(lengthTag(3)).string(detail)
  },
)

/** geekcache.v1.BatchEntry. */
const entryCodec = messageCodec<Open<BatchEntry>>(
  () => ({ key: new Uint8Array(0) }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.key = readBytes(reader)
    else if (tag === lengthTag(2)) message.value = readBytes(reader)
    else if (tag === lengthTag(3)) message.failure = failureCodec.decode(reader.bytes())
    else if (tag === lengthTag(4)) message.cache = readText(reader)
    else if (tag === varintTag(5)) message.ttlLeftMs = Number(reader.uint64())
    else return false
    return true
  },
  ({ key, value, failure, cache, ttlLeftMs }, writer) => {
    writer.uint32(lengthTag(1)).bytes(key)
    if (value !== undefined) writer.uint32(lengthTag(2)).bytes(value)
    if (failure !== undefined) writer.uint32(lengthTag(3)).bytes(failureCodec.encode(failure))
    if (cache !== undefined) writer.uint32(lengthTag(4)).string(cache)
    if (ttlLeftMs !== undefined) writer.uint32(varintTag(5)).uint64(Math.floor(ttlLeftMs))
  },
)

/** geekcache.v1.BatchResponse. */
export const batchResponseCodec = messageCodec<{ entries: BatchEntry[] }>(
  () => ({ entries: [] }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    message.entries.push(entryCodec.decode(reader.bytes()))
    return true
  },
  ({ entries }, writer) => {
    for (const entry of entries) writer.uint32(lengthTag(1)).bytes(entryCodec.encode(entry))
  },
)

/** Batches as protobuf: proto/geekcache/v1/http.proto. */
export const batchProtobuf: BatchFormat = {
  mediaType: 'application/x-protobuf',
  read(body): BatchRequest {
    try {
      return batchRequestCodec.decode(body)
    } catch (thrown) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `The body is no BatchRequest: ${CacheError.from(thrown).message}`,
      )
    }
  },
  write: (entries) => batchResponseCodec.encode({ entries: [...entries] }),
}
