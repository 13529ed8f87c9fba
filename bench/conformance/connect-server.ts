/**
 * The server that Connect's conformance tests call, on the engine: `connect-server.js PROTO-FOLDER`. Their runner writes to
 * stdin what to serve, and reads from stdout where: one message each, behind its length.
 */
import type { Readable } from 'node:stream'
import { ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import { GrpcServer } from '../../src/main/grpc/server.js'
import { conformanceService } from './connect-service.js'

const PACKAGE = 'connectrpc.conformance.v1'
const LENGTH_BYTES = 4
const REQUEST_BYTES_MAX = 1 << 20

/** ServerCompatRequest, as far as it says something: the protocol is gRPC. */
interface Wanted {
  readonly useTls?: boolean
  readonly clientTlsCert?: Buffer
  readonly messageReceiveLimit?: number
  readonly serverCreds?: { readonly cert: Buffer; readonly key: Buffer }
}

async function readMessage(input: Readable): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.length < LENGTH_BYTES) continue
    const end = LENGTH_BYTES + bytes.readUInt32BE()
    if (end > REQUEST_BYTES_MAX) break
    if (bytes.length >= end) return bytes.subarray(LENGTH_BYTES, end)
  }
  throw new Error('there is no request on stdin')
}

function credentialsFor({ useTls = false, serverCreds, clientTlsCert }: Wanted): ServerCredentials {
  if (!useTls || serverCreds === undefined) return ServerCredentials.createInsecure()
  const roots = clientTlsCert === undefined || clientTlsCert.length === 0 ? null : clientTlsCert
  const pair = { cert_chain: serverCreds.cert, private_key: serverCreds.key }
  return ServerCredentials.createSsl(roots, [pair], roots !== null)
}

const folder = process.argv[2] ?? ''
const files = ['service', 'server_compat'].map((name) => `connectrpc/conformance/v1/${name}.proto`)
const loaded = loadSync(files, { includeDirs: [folder], arrays: true, oneofs: true, longs: Number })
const typeOf = (name: string) => loaded[`${PACKAGE}.${name}`] as MessageTypeDefinition<object, object>

const request = await readMessage(process.stdin)
const wanted = typeOf('ServerCompatRequest').deserialize(request) as Wanted
// For clients that accept it: those of the tests without compression do not.
const server = new GrpcServer({
  replyEncoding: 'gzip',
  ...(wanted.messageReceiveLimit && { receiveBytesMax: wanted.messageReceiveLimit }),
})
const { service, implementation } = conformanceService(
  loaded[`${PACKAGE}.ConformanceService`] as unknown as ServiceDefinition,
  typeOf('Error'),
)
server.addService(service, implementation)
const port = await server.bind('127.0.0.1:0', credentialsFor(wanted))
const answer = typeOf('ServerCompatResponse').serialize({
  host: '127.0.0.1',
  port,
  ...(wanted.useTls && { pemCert: wanted.serverCreds?.cert }),
})
const length = Buffer.alloc(LENGTH_BYTES)
length.writeUInt32BE(answer.length)
process.stdout.write(Buffer.concat([length, answer]))
