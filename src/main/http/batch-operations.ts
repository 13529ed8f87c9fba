import type { Operation, Schema } from './operation.js'

const BYTES: Schema = { type: 'string', contentEncoding: 'base64' }

const REQUEST: Schema = {
  type: 'object',
  properties: { keys: { type: 'array', items: BYTES, maxItems: 10_000 } },
  required: ['keys'],
}

const RESPONSE: Schema = {
  type: 'object',
  properties: {
    entries: {
      type: 'array',
      description: 'One for each key, in the order of the request',
      items: {
        type: 'object',
        properties: {
          key: BYTES,
          value: BYTES,
          cache: { type: 'string', description: 'hit, miss, peer or stale' },
          ttlLeftMs: { type: 'integer', description: 'Absent for no limit' },
          failure: {
            type: 'object',
            properties: {
              code: { type: 'string' },
              status: { type: 'integer', description: 'What a call for this key alone would have had' },
              detail: { type: 'string' },
            },
            required: ['code', 'status', 'detail'],
            additionalProperties: false,
          },
        },
        required: ['key'],
        additionalProperties: false,
      },
    },
  },
  required: ['entries'],
  additionalProperties: false,
}

const COMMON = {
  parameters: { group: 'Name of the group, percent-encoded UTF-8' },
  body: { 'application/json': REQUEST, 'application/x-protobuf': undefined },
  answers: {
    200: {
      description: 'What became of each key, in the format of the request; protobuf: geekcache/v1/http.proto',
      content: { 'application/json': RESPONSE, 'application/x-protobuf': undefined },
    },
    413: { description: 'The body is larger than 4 MiB' },
    415: { description: 'The body is of another media type' },
  },
} as const

export const BATCH_GET: Operation = { id: 'batchGet', summary: 'The values of many keys', ...COMMON }

export const BATCH_DELETE: Operation = { id: 'batchDelete', summary: 'Removes many keys', ...COMMON }
