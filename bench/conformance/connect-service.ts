import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type StatusObject,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { MessageTypeDefinition } from '@grpc/proto-loader'

const TYPE_URL = 'type.googleapis.com/connectrpc.conformance.v1.'
const BINARY_SUFFIX = '-bin'

interface Header {
  readonly name: string
  readonly value: readonly string[]
}
interface Any {
  readonly type_url: string
  readonly value: Buffer
}
interface ErrorDefinition {
  readonly code: number
  readonly message?: string
  readonly details: readonly Any[]
}
/** What the client wants to be answered. */
interface Definition<Data> {
  readonly responseHeaders: readonly Header[]
  readonly responseTrailers: readonly Header[]
  readonly responseDelayMs?: number
  readonly responseData?: Data
  readonly error?: ErrorDefinition
}
interface Message<Data> {
  readonly responseDefinition?: Definition<Data>
  readonly fullDuplex?: boolean
}
/** A request, and the bytes that it came as: they are sent back. */
interface Request<Data> {
  readonly message: Message<Data>
  readonly any: Any
}
type UnaryRequest = Request<Buffer>
type StreamRequest = Request<readonly Buffer[]>
type StreamDefinition = Definition<readonly Buffer[]>
type StreamOfReplies = ServerWritableStream<StreamRequest, object> | ServerDuplexStream<StreamRequest, object>
type ErrorType = MessageTypeDefinition<object, object>
type AnyCall = { readonly metadata: Metadata; getDeadline(): Date | number }

/** Connect's ConformanceService: every call is answered as its request says, and told what it looked like. */
export function conformanceService(
  service: ServiceDefinition,
  errorType: ErrorType,
): { readonly service: ServiceDefinition; readonly implementation: UntypedServiceImplementation } {
  const handlers = new ConformanceHandlers(errorType)
  return {
    service: Object.fromEntries(
      Object.entries(service).map(([name, method]) => {
        const { requestDeserialize, requestType } = method as typeof method & {
          readonly requestType: { readonly type: { readonly name: string } }
        }
        const typeUrl = TYPE_URL + requestType.type.name
        const withBytes = (value: Buffer) => ({
          message: requestDeserialize(value),
          any: { type_url: typeUrl, value },
        })
        return [name, { ...method, requestDeserialize: withBytes }]
      }),
    ),
    // No Unimplemented: the server must answer for it.
    implementation: {
      unary: handlers.unary,
      idempotentUnary: handlers.unary,
      clientStream: handlers.clientStream,
      serverStream: handlers.serverStream,
      bidiStream: handlers.bidiStream,
    },
  }
}

class ConformanceHandlers {
  readonly #errorType: ErrorType

  constructor(errorType: ErrorType) {
    this.#errorType = errorType
  }

  readonly unary = (call: ServerUnaryCall<UnaryRequest, object>, reply: sendUnaryData<object>) =>
    this.#answerOnce(call, [call.request], reply)

  readonly clientStream = async (
    call: ServerReadableStream<UnaryRequest, object>,
    reply: sendUnaryData<object>,
  ): Promise<void> => {
    const requests: UnaryRequest[] = []
    for await (const request of call) requests.push(request)
    await this.#answerOnce(call, requests, reply)
  }

  readonly serverStream = async (call: ServerWritableStream<StreamRequest, object>): Promise<void> => {
    const definition = call.request.message.responseDefinition
    const replies = new Replies(call, definition)
    while (replies.areLeft)
      await replies.send(replies.isFirst ? this.#infoOf(call, [call.request]) : undefined)
    this.#end(call, definition, replies.isFirst ? [call.request] : undefined)
  }

  readonly bidiStream = async (call: ServerDuplexStream<StreamRequest, object>): Promise<void> => {
    let replies: Replies | undefined
    let definition: StreamDefinition | undefined
    let isFullDuplex = false
    let requests: StreamRequest[] = []
    for await (const request of call.iterator({ destroyOnReturn: false }) as AsyncIterable<StreamRequest>) {
      requests.push(request)
      if (replies === undefined) {
        definition = request.message.responseDefinition
        isFullDuplex = request.message.fullDuplex ?? false
        replies = new Replies(call, definition)
      }
      if (!isFullDuplex) continue
      if (!replies.areLeft) break
      const info = replies.isFirst
        ? this.#infoOf(call, requests)
        : { requests: requests.map(({ any }) => any) }
      await replies.send(info)
      requests = []
    }
    while (replies?.areLeft) await replies.send(replies.isFirst ? this.#infoOf(call, requests) : undefined)
    this.#end(call, definition, replies?.isFirst === false ? undefined : requests)
  }

  async #answerOnce(
    call: AnyCall & { sendMetadata(metadata: Metadata): void },
    requests: readonly UnaryRequest[],
    reply: sendUnaryData<object>,
  ): Promise<void> {
    const definition = requests[0]?.message.responseDefinition
    const info = this.#infoOf(call, requests)
    if (definition !== undefined) call.sendMetadata(metadataOf(definition.responseHeaders))
    await delay(definition?.responseDelayMs ?? 0)
    const trailers = metadataOf(definition?.responseTrailers ?? [])
    if (definition?.error !== undefined) reply(this.#failure(definition.error, trailers, info))
    else reply(null, { payload: { data: definition?.responseData, requestInfo: info } }, trailers)
  }

  /** @param untold requests that no reply has told of */
  #end(
    call: StreamOfReplies,
    definition: StreamDefinition | undefined,
    untold: readonly StreamRequest[] | undefined,
  ): void {
    const trailers = metadataOf(definition?.responseTrailers ?? [])
    const info = untold && this.#infoOf(call, untold)
    if (definition?.error === undefined) call.end(trailers)
    else call.emit('error', this.#failure(definition.error, trailers, info))
  }

  #infoOf(call: AnyCall, requests: readonly Request<unknown>[]): object {
    const deadlineMs = Number(call.getDeadline())
    return {
      requestHeaders: headersOf(call.metadata),
      requests: requests.map(({ any }) => any),
      ...(Number.isFinite(deadlineMs) && { timeoutMs: Math.max(0, Math.round(deadlineMs - Date.now())) }),
    }
  }

  #failure(error: ErrorDefinition, metadata: Metadata, info: object | undefined): StatusObject {
    const details: object[] = [...error.details]
    // protobuf.js makes an Any of it.
    if (info !== undefined) details.push({ '@type': `${TYPE_URL}ConformancePayload.RequestInfo`, ...info })
    // An Error has the fields of google.rpc.Status, under their numbers.
    metadata.set('grpc-status-details-bin', this.#errorType.serialize({ ...error, details }))
    return { code: error.code, details: error.message ?? '', metadata }
  }
}

/** What is sent on a stream; its header goes at once. */
class Replies {
  readonly #call: StreamOfReplies
  readonly #data: readonly Buffer[]
  readonly #delayMs: number
  #sent = 0

  constructor(call: StreamOfReplies, definition: StreamDefinition | undefined) {
    this.#call = call
    this.#data = definition?.responseData ?? []
    this.#delayMs = definition?.responseDelayMs ?? 0
    if (definition !== undefined) call.sendMetadata(metadataOf(definition.responseHeaders))
  }

  get isFirst(): boolean {
    return this.#sent === 0
  }

  get areLeft(): boolean {
    return this.#sent < this.#data.length && !this.#call.cancelled
  }

  async send(requestInfo: object | undefined): Promise<void> {
    await delay(this.#delayMs)
    const reply = { payload: { data: this.#data[this.#sent++], requestInfo } }
    if (!this.#call.write(reply) && !this.#call.cancelled) {
      await Promise.race([once(this.#call, 'drain'), once(this.#call, 'cancelled')])
    }
  }
}

function metadataOf(headers: readonly Header[]): Metadata {
  const metadata = new Metadata()
  for (const { name, value } of headers) {
    const isBinary = name.toLowerCase().endsWith(BINARY_SUFFIX)
    for (const text of value) metadata.add(name, isBinary ? Buffer.from(text, 'base64') : text)
  }
  return metadata
}

function headersOf(metadata: Metadata): Header[] {
  return Object.keys(metadata.getMap()).map((name) => ({
    name,
    value: metadata.get(name).map((value) => (typeof value === 'string' ? value : value.toString('base64'))),
  }))
}
