import { fileURLToPath } from 'node:url'
import {
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { CacheError, codeNameOf } from '../../shared/errors.js'
import type { OptionTable, OptionValues } from '../option/option.js'
import { address, duration } from '../option/option-type.js'

/** Flags of every command that asks a running node. */
export const CLIENT_OPTIONS = {
  server: {
    flag: 'server',
    type: address(),
    default: '127.0.0.1:8001',
    help: 'The node to ask; any node of the ring will do',
  },
  timeout: {
    flag: 'timeout',
    type: duration(1, 3_600_000),
    default: 5000,
    help: 'How long to wait for the answer',
  },
} as const satisfies OptionTable

/** A value, and how the node that was asked came by it; undefined where the node does not tell. */
export interface TracedValue {
  readonly value: Uint8Array
  readonly answeredBy: string | undefined
  readonly outcome: string | undefined
}

/** One sample of one counter; `group` is empty for counters of the whole node. */
export interface CounterSample {
  readonly name: string
  readonly group: string
  readonly shard: number
  readonly value: number
}

export interface NodeStats {
  readonly self: string
  readonly counters: readonly CounterSample[]
}

export interface RingView {
  readonly members: readonly { readonly address: string; readonly share: number; readonly self: boolean }[]
  /** The owner of the key that was asked for, then the nodes that would take over from it, in order. */
  readonly owners: readonly string[]
}

/** A running node, over gRPC. Every call rejects with CacheError that carries the node's own code and message. */
export class NodeClient {
  readonly #client: Client
  readonly #server: string
  readonly #timeoutMs: number

  constructor({ server, timeout }: OptionValues<typeof CLIENT_OPTIONS>) {
    this.#client = new Client(server, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
    this.#server = server
    this.#timeoutMs = timeout
  }

  async get(group: string, key: string): Promise<TracedValue> {
    const trace = new Metadata()
    trace.set('geek-cache-trace', '1')
    const { reply, metadata } = await this.#call(GROUP_CACHE, 'Get', { group, key }, trace)
    const text = (name: string) => metadata.get(name)[0]?.toString()
    return {
      value: (reply as { value: Uint8Array }).value,
      answeredBy: text('geek-cache-answered-by'),
      outcome: text('geek-cache-outcome'),
    }
  }

  async delete(group: string, key: string): Promise<void> {
    await this.#call(GROUP_CACHE, 'Delete', { group, key })
  }

  async stats(): Promise<NodeStats> {
    return (await this.#call(NODE, 'Stats', {})).reply as NodeStats
  }

  async ring(key?: string): Promise<RingView> {
    const request = key === undefined ? {} : { key: Buffer.from(key) }
    return (await this.#call(NODE, 'Ring', request)).reply as RingView
  }

  close(): void {
    this.#client.close()
  }

  #call(
    service: ServiceDefinition,
    name: string,
    request: object,
    metadata = new Metadata(),
  ): Promise<{ reply: unknown; metadata: Metadata }> {
    const method = service[name] as MethodDefinition<object, unknown>
    return new Promise((resolve, reject) => {
      const received = new Metadata()
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + this.#timeoutMs },
        (error, reply) => {
          if (error === null) resolve({ reply, metadata: received })
          else reject(this.#failure(error))
        },
      )
      call.on('metadata', (head) => received.merge(head))
    })
  }

  #failure({ code, details }: ServiceError): CacheError {
    const name = codeNameOf(code)
    // "Not found" is the answer of the node; anything else may be about the way to it.
    return new CacheError(name, name === 'NOT_FOUND' ? details : `${this.#server}: ${name}: ${details}`)
  }
}

/** Makes a client, hands it on and closes it again. */
export async function withNode<T>(
  options: OptionValues<typeof CLIENT_OPTIONS>,
  use: (node: NodeClient) => Promise<T>,
): Promise<T> {
  const node = new NodeClient(options)
  try {
    return await use(node)
  } finally {
    node.close()
  }
}

const PROTOS = fileURLToPath(new URL('../../../../proto', import.meta.url))
const DEFINITIONS = loadSync(['pb/groupcache.proto', 'geekcache/v1/node.proto'], {
  includeDirs: [PROTOS],
  defaults: true,
})
const GROUP_CACHE = DEFINITIONS['pb.GroupCache'] as ServiceDefinition
const NODE = DEFINITIONS['geekcache.v1.Node'] as ServiceDefinition
