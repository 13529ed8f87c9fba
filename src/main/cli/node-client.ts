import { readFileSync } from 'node:fs'
import { ChannelCredentials, Client, Metadata, type ServiceError } from '@grpc/grpc-js'
import { CacheError, codeNameOf } from '../../shared/errors.js'
import type { HotKeySample, KeyExplanation } from '../node-view.js'
import type { OptionTable, OptionValues } from '../option/option.js'
import { address, duration, text, toggle } from '../option/option-type.js'
import { groupCacheDefinition } from '../service/group-cache-codec.js'
import { type NodeStats, nodeDefinition, type RingView } from '../service/node-codec.js'
import { ANSWERED_BY, OUTCOME, TRACE } from '../service/trace.js'
import type { UnaryMethod } from '../service/unary-method.js'

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
  tls: {
    flag: 'tls',
    type: toggle(),
    default: false,
    help: 'Talk to the node over TLS; --tls-ca and --tls-cert imply it',
  },
  tlsCa: { flag: 'tls-ca', type: text('FILE'), help: 'Authorities of the certificate of the node (PEM)' },
  tlsCert: { flag: 'tls-cert', type: text('FILE'), help: 'Certificate to show to the node (PEM)' },
  tlsKey: { flag: 'tls-key', type: text('FILE'), help: 'Key of that certificate (PEM)' },
} as const satisfies OptionTable

/** A value, and how the node that was asked came by it; undefined where the node does not tell. */
export interface TracedValue {
  readonly value: Uint8Array
  readonly answeredBy: string | undefined
  readonly outcome: string | undefined
}

type ClientValues = OptionValues<typeof CLIENT_OPTIONS>
type TlsValues = Partial<Pick<ClientValues, 'tls' | 'tlsCa' | 'tlsCert' | 'tlsKey'>>
type NodeClientOptions = Pick<ClientValues, 'server' | 'timeout'> & TlsValues

/** A running node, over gRPC. Every call rejects with CacheError that carries the node's own code and message. */
export class NodeClient {
  readonly #client: Client
  readonly #server: string
  readonly #timeoutMs: number

  constructor({ server, timeout, ...tls }: NodeClientOptions) {
    // The scheme keeps the address from being read as another kind of target; a local pool has no memory of failures.
    this.#client = new Client(`dns:${server}`, credentialsOf(tls), {
      'grpc.max_receive_message_length': -1,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
    })
    this.#server = server
    this.#timeoutMs = timeout
  }

  async get(group: string, key: string): Promise<TracedValue> {
    const trace = new Metadata()
    trace.set(TRACE, '1')
    const request = { group, key: Buffer.from(key) }
    const { reply, trailer } = await this.#call(groupCacheDefinition.Get, request, trace)
    const text = (name: string) => trailer.get(name)[0]?.toString()
    return { value: reply.value, answeredBy: text(ANSWERED_BY), outcome: text(OUTCOME) }
  }

  async delete(group: string, key: string): Promise<void> {
    await this.#call(groupCacheDefinition.Delete, { group, key: Buffer.from(key) })
  }

  async stats(): Promise<NodeStats> {
    return (await this.#call(nodeDefinition.Stats, {})).reply
  }

  /** @param key when given, the answer names its owners */
  async ring(key = ''): Promise<RingView> {
    return (await this.#call(nodeDefinition.Ring, { key: Buffer.from(key) })).reply
  }

  async explain(group: string, key: string): Promise<KeyExplanation> {
    return (await this.#call(nodeDefinition.Explain, { group, key: Buffer.from(key) })).reply
  }

  async hotKeys(group: string, count: number): Promise<HotKeySample[]> {
    return (await this.#call(nodeDefinition.HotKeys, { group, count })).reply.keys
  }

  close(): void {
    this.#client.close()
  }

  #call<Request, Response>(
    { path, requestSerialize, responseDeserialize }: UnaryMethod<Request, Response>,
    request: Request,
    metadata = new Metadata(),
  ): Promise<{ reply: Response; trailer: Metadata }> {
    return new Promise((resolve, reject) => {
      let reply: Response | undefined
      const deadline = Date.now() + this.#timeoutMs
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, response) => {
          if (error !== null) reject(this.#failureOf(error))
          reply = response
        },
      )
      // The trailing metadata comes with the status, right after the callback.
      call.on('status', (status) => {
        if (reply !== undefined) resolve({ reply, trailer: status.metadata })
      })
    })
  }

  #failureOf({ code, details }: ServiceError): CacheError {
    const name = codeNameOf(code)
    if (details.includes('ECONNREFUSED')) {
      return new CacheError(name, `${this.#server}: ${name}: connection refused, no node listens there`)
    }
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

function credentialsOf({ tls, tlsCa, tlsCert, tlsKey }: TlsValues): ChannelCredentials {
  if (!tls && !tlsCa && !tlsCert) return ChannelCredentials.createInsecure()
  return ChannelCredentials.createSsl(readPem(tlsCa), readPem(tlsKey ?? tlsCert), readPem(tlsCert))
}

function readPem(file: string | undefined): Buffer | null {
  if (file === undefined) return null
  try {
    return readFileSync(file)
  } catch (thrown) {
    throw new CacheError('INVALID_ARGUMENT', `${file} cannot be read: ${CacheError.from(thrown).message}`)
  }
}
