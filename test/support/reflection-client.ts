import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Client, Metadata } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const protos = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection')),
  '../proto/grpc/reflection',
)

/** The part of grpc.reflection ServerReflectionRequest that tests use. */
export interface ReflectionRequest {
  readonly list_services?: string
  readonly file_containing_symbol?: string
}

/** The part of grpc.reflection ServerReflectionResponse that tests use. */
export interface ReflectionResponse {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] }
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Uint8Array[] }
  readonly error_response?: { readonly error_code: number }
}

interface ReflectionMethod {
  readonly path: string
  requestSerialize(request: ReflectionRequest): Buffer
  responseDeserialize(bytes: Buffer): ReflectionResponse
}

/** The bidirectional stream of one version of the reflection protocol. */
export function reflectionStream(client: Client, version: 'v1' | 'v1alpha') {
  const name = `grpc.reflection.${version}.ServerReflection`
  const definition = loadSync(join(protos, version, 'reflection.proto'), { keepCase: true })[name]
  const { ServerReflectionInfo: method } = definition as unknown as Record<
    'ServerReflectionInfo',
    ReflectionMethod
  >
  return client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    new Metadata(),
    {},
  )
}

/** Sends all requests on one stream, half-closes it and collects the answers. */
export async function reflectionAsks(
  client: Client,
  version: 'v1' | 'v1alpha',
  requests: readonly ReflectionRequest[],
): Promise<ReflectionResponse[]> {
  const stream = reflectionStream(client, version)
  for (const request of requests) stream.write(request)
  stream.end()
  const answers: ReflectionResponse[] = []
  for await (const answer of stream) answers.push(answer as ReflectionResponse)
  return answers
}
