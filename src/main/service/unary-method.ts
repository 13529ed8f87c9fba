import type { MethodDefinition, ServerMethodDefinition } from '@grpc/grpc-js'
import { decodeRequest, type MalformedMessage, type MessageCodec } from './message.js'

type ClientHalf<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestStream' | 'responseStream' | 'requestSerialize' | 'responseDeserialize'
>

/** A unary method in the shape of a grpc-js service definition. Servers see a malformed request as a value. */
export type UnaryMethod<Request, Response> = ClientHalf<Request, Response> &
  ServerMethodDefinition<Request | MalformedMessage, Response>

/** @param path `/package.Service/Method` */
export function unaryMethod<Request, Response>(
  path: string,
  request: MessageCodec<Request>,
  response: MessageCodec<Response>,
): UnaryMethod<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: request.encode,
    requestDeserialize: (bytes) => decodeRequest(request, bytes),
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  }
}
