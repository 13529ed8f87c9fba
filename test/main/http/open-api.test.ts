import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNode } from '../../../src/main/node.js'
import { type Answered, type Asked, ask } from '../../support/http-client.js'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: boolean
  readonly $ref?: string
}

interface Response {
  readonly headers?: Readonly<Record<string, object>>
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>
  >
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const JSON_BODY = {
  headers: { 'content-type': 'application/json' },
  body: '{"keys":["YQ==","bWlzc2luZw==",""]}',
}

/** A request for every operation, and one that fails. */
const REQUESTS: Readonly<Record<string, readonly (readonly [path: string, asked?: Asked])[]>> = {
  'get /v1/groups/{group}/keys/{key}': [
    ['/v1/groups/g/keys/a'],
    ['/v1/groups/g/keys/a', { headers: { 'if-none-match': '*' } }],
    ['/v1/groups/g/keys/a', { headers: { range: 'bytes=0-0' } }],
    ['/v1/groups/g/keys/a', { headers: { range: 'bytes=9-' } }],
    ['/v1/groups/g/keys/missing'],
  ],
  'head /v1/groups/{group}/keys/{key}': [['/v1/groups/g/keys/a', { method: 'HEAD' }]],
  'delete /v1/groups/{group}/keys/{key}': [['/v1/groups/g/keys/b', { method: 'DELETE' }]],
  'post /v1/groups/{group}/keys:batchGet': [
    ['/v1/groups/g/keys:batchGet', { method: 'POST', ...JSON_BODY }],
    ['/v1/groups/g/keys:batchGet', { method: 'POST', body: 'x' }],
  ],
  'post /v1/groups/{group}/keys:batchDelete': [
    ['/v1/groups/g/keys:batchDelete', { method: 'POST', ...JSON_BODY }],
  ],
  'get /_groupcache/{group}/{key}': [['/_groupcache/g/a'], ['/_groupcache/nobody/a']],
  'get /v1/ring': [['/v1/ring'], ['/v1/ring?key=a']],
  'get /v1/groups/{group}/keys/{key}:explain': [
    ['/v1/groups/g/keys/a:explain'],
    ['/v1/groups/g/keys/zz:explain'],
  ],
}

test('everything that is answered is as the OpenAPI document says', async (t) => {
  const node = await startNode({ self: '127.0.0.1:0', http: '127.0.0.1:0', workers: 1 })
  t.after(() => node.close())
  await node.group('g', {
    maxBytes: 1 << 20,
    ttlMs: 60_000,
    getter: (key) => (key === 'missing' ? null : key),
  })
  const http = node.addresses.HTTP!
  const document = (await ask(http, '/v1/openapi.json')).json<Document>()
  assert.match(document.openapi, /^3\.1\./)
  let answers = 0
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      const named = REQUESTS[`${method} ${path}`] ?? [
        [path.replace('{group}', 'g').replace('{key}', 'a'), {}],
      ]
      for (const [sent, asked = {}] of named) {
        const answer = await ask(http, sent, { method: method.toUpperCase(), ...asked })
        const where = `${method} ${sent}: ${answer.status}`
        const response = responses[answer.status] ?? responses.default
        assert.ok(response, where)
        conforms(document, answer, response, method === 'head', where)
        answers++
      }
    }
  }
  assert.ok(answers > 25, String(answers))
})

function conforms(
  document: Document,
  answer: Answered,
  response: Response,
  isHead: boolean,
  where: string,
): void {
  const { status, headers, body } = answer
  const type = headers['content-type']?.split(';')[0]
  if (type === 'application/problem+json') assert.ok(status >= 400, where)
  else if (response.content === undefined) assert.equal(type, undefined, where)
  else assert.ok(type !== undefined && contentOf(response, type) !== undefined, `${where} is ${type}`)
  const schema = contentOf(response, type ?? '')?.schema
  if (isHead) assert.equal(body.length, 0, where)
  else if (schema !== undefined) matches(document, answer.json(), schema, where)
}

/** What the document says of a media type, whatever its parameters. */
function contentOf({ content = {} }: Response, type: string) {
  return Object.entries(content).find(([described]) => described.split(';')[0] === type)?.[1]
}

/** The part of JSON Schema that the document uses. */
function matches(document: Document, value: unknown, schema: Schema, where: string): void {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1)!
    matches(document, value, document.components.schemas[name]!, where)
    return
  }
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  const isInteger = schema.type === 'integer' && Number.isInteger(value)
  assert.ok(
    schema.type === undefined || schema.type === type || isInteger,
    `${where} is ${type}, not ${schema.type}`,
  )
  if (schema.type === 'array') {
    for (const item of value as unknown[]) matches(document, item, schema.items ?? {}, `${where}[]`)
  }
  if (schema.type !== 'object') return
  const members = value as Record<string, unknown>
  for (const name of schema.required ?? []) assert.ok(name in members, `${where}.${name} is missing`)
  for (const [name, member] of Object.entries(members)) {
    const of = schema.properties?.[name]
    if (of !== undefined) matches(document, member, of, `${where}.${name}`)
    else assert.notEqual(schema.additionalProperties, false, `${where}.${name} is not in the document`)
  }
}
