/** The server of gRPC's interop tests on the engine: `interop-server.js PROTO-FILE`. Prints its address. */
import { once } from 'node:events'
import {
  type GrpcObject,
  loadPackageDefinition,
  type Metadata,
  Metadata as MetadataClass,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { GrpcServer } from '../../src/main/grpc/server.js'

const ECHO_INITIAL = 'x-grpc-test-echo-initial'
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin'

interface Payload {
  readonly body: Uint8Array
}
interface EchoStatus {
  readonly code: number
  readonly message: string
}
interface SimpleRequest {
  readonly responseSize: number
  readonly responseStatus: EchoStatus | null
}
interface StreamingRequest {
  readonly responseParameters: readonly { readonly size: number; readonly intervalUs: number }[]
  readonly responseStatus: EchoStatus | null
}
interface StreamingResponse {
  readonly payload: Payload
}

function echo(metadata: Metadata, name: string): Metadata {
  const echoed = new MetadataClass()
  for (const value of metadata.get(name)) echoed.add(name, value)
  return echoed
}

/** The failure that a request asks for. */
function failure({ code, message }: EchoStatus, metadata: Metadata): StatusObject {
  return { code, details: message, metadata: echo(metadata, ECHO_TRAILING) }
}

const payloadOf = (bytes: number) => ({ payload: { body: Buffer.alloc(bytes) } })

function unaryCall(call: ServerUnaryCall<SimpleRequest, object>, reply: sendUnaryData<object>): void {
  const { responseSize, responseStatus } = call.request
  call.sendMetadata(echo(call.metadata, ECHO_INITIAL))
  if (responseStatus !== null && responseStatus.code !== 0) {
    reply(failure(responseStatus, call.metadata))
    return
  }
  reply(null, payloadOf(responseSize), echo(call.metadata, ECHO_TRAILING))
}

async function respond(
  call:
    | ServerWritableStream<StreamingRequest, StreamingResponse>
    | ServerDuplexStream<StreamingRequest, StreamingResponse>,
  { responseParameters }: StreamingRequest,
): Promise<void> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1000))
    if (!call.write(payloadOf(size)) && !call.cancelled)
      await Promise.race([once(call, 'drain'), once(call, 'cancelled')])
  }
}

async function streamingOutputCall(
  call: ServerWritableStream<StreamingRequest, StreamingResponse>,
): Promise<void> {
  await respond(call, call.request)
  call.end(echo(call.metadata, ECHO_TRAILING))
}

async function streamingInputCall(
  call: ServerReadableStream<{ readonly payload: Payload }, object>,
  reply: sendUnaryData<object>,
): Promise<void> {
  let sum = 0
  for await (const { payload } of call) sum += payload.body.length
  reply(null, { aggregatedPayloadSize: sum })
}

async function fullDuplexCall(call: ServerDuplexStream<StreamingRequest, StreamingResponse>): Promise<void> {
  call.sendMetadata(echo(call.metadata, ECHO_INITIAL))
  for await (const request of call as AsyncIterable<StreamingRequest>) {
    const { responseStatus } = request
    if (responseStatus !== null && responseStatus.code !== 0) {
      call.emit('error', failure(responseStatus, call.metadata))
      return
    }
    await respond(call, request)
  }
  call.end(echo(call.metadata, ECHO_TRAILING))
}

const loaded = loadPackageDefinition(loadSync(process.argv[2] ?? '', { defaults: true }))
const testing = (loaded.grpc as GrpcObject).testing as GrpcObject
const server = new GrpcServer()
server.addService((testing.TestService as ServiceClientConstructor).service, {
  emptyCall: (_call: unknown, reply: sendUnaryData<object>) => reply(null, {}),
  unaryCall,
  streamingOutputCall,
  streamingInputCall,
  fullDuplexCall,
})
const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
process.stdout.write(`listens on 127.0.0.1:${port}\n`)
