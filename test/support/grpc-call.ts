import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import type { UnaryMethod } from '../../src/main/service/unary-method.js'

/** How a unary call ended well. */
export interface UnaryEnd<Response> {
  readonly response: Response
  readonly trailer: Metadata
}

/** A client of grpc-js without limits of its own, sharing nothing with other clients. */
export function grpcClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  })
}

/** One unary call. Rejects with grpc-js's ServiceError. */
export function unaryCall<Request, Response>(
  client: Client,
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: { deadlineMs?: number; metadata?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<UnaryEnd<Response>> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value)
  return new Promise((resolve, reject) => {
    let response: Response | undefined
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
      (error: ServiceError | null, value?: Response) => {
        if (error !== null) reject(error)
        else response = value
      },
    )
    call.on('status', ({ code, metadata: trailer }) => {
      if (code === 0) queueMicrotask(() => resolve({ response: response as Response, trailer }))
    })
    options.signal?.addEventListener('abort', () => call.cancel())
  })
}
