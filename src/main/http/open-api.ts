import { readFileSync } from 'node:fs'
import type { HttpAnswer } from './exchange.js'
import type { DescribedAnswer, Operation, Schema } from './operation.js'
import { PROBLEM_TYPE } from './problem.js'
import type { Route } from './route.js'

const PROBLEM: Schema = {
  type: 'object',
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'The name of the gRPC status code, when the failure has one' },
  },
  required: ['type', 'title', 'status', 'detail'],
}

/** The route of the document that describes the others. */
export function openApiRoute(routes: readonly Route[]): Route {
  const route: Route = {
    method: 'GET',
    path: '/v1/openapi.json',
    plane: 'both',
    operation: {
      id: 'getOpenApi',
      summary: 'This document',
      answers: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': { type: 'object' } } } },
    },
    handle: () => answer,
  }
  const body = `${JSON.stringify(openApiOf([...routes, route]), undefined, 2)}\n`
  const answer: HttpAnswer = { status: 200, headers: { 'content-type': 'application/json' }, body }
  return route
}

/** The OpenAPI 3.1 document of a route table. */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const { method, path, operation } of routes) {
    if (operation === undefined) continue
    // A path template has no wildcard: the description says that slashes may be in it.
    const template = path.replace('...}', '}')
    paths[template] ??= {}
    paths[template][method.toLowerCase()] = described(operation)
    if (method === 'GET') {
      const head = {
        ...operation,
        id: `${operation.id}Head`,
        summary: `${operation.summary}: header fields alone`,
      }
      paths[template].head = described(head)
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'geek-cache',
      summary: 'A distributed, read-through cache',
      version: versionOfPackage(),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: { schemas: { Problem: PROBLEM } },
  }
}

function described({
  id,
  summary,
  description,
  parameters,
  query,
  headers,
  body,
  answers,
}: Operation): object {
  const inPath = Object.entries(parameters ?? {}).map(([name, text]) =>
    parameter('path', name, text, { type: 'string' }, true),
  )
  const inQuery = Object.entries(query ?? {}).map(([name, of]) =>
    parameter('query', name, of.description, of.schema),
  )
  const inHeader = Object.entries(headers ?? {}).map(([name, text]) =>
    parameter('header', name, text, { type: 'string' }),
  )
  const responses = Object.entries(answers).map(([status, answer]) => [status, response(answer)])
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...Object.fromEntries(responses), default: PROBLEM_RESPONSE },
  }
}

const PROBLEM_RESPONSE = {
  description: 'What went wrong (RFC 9457)',
  content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
}

function parameter(
  where: string,
  name: string,
  description: string,
  schema: Schema,
  required = false,
): object {
  return { in: where, name, description, required, schema }
}

function response({ description, headers, content }: DescribedAnswer): object {
  const fields = Object.entries(headers ?? {}).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ])
  return {
    description,
    ...(fields.length > 0 && { headers: Object.fromEntries(fields) }),
    ...(content && { content: contentOf(content) }),
  }
}

function contentOf(content: Readonly<Record<string, Schema | undefined>>): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [type, schema === undefined ? {} : { schema }]),
  )
}

function versionOfPackage(): string {
  const file = new URL('../../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
