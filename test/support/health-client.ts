import { on } from 'node:events'
import { type Client, Metadata } from '@grpc/grpc-js'
import { service } from 'grpc-health-check'

const { Check, Watch } = service as unknown as Record<'Check' | 'Watch', HealthMethod>

interface HealthMethod {
  readonly path: string
  requestSerialize(request: { service: string }): Buffer
  responseDeserialize(bytes: Buffer): { status: string }
}

/** The status that Check answers. Rejects with grpc-js's ServiceError. */
export function healthCheck(client: Client, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      Check.path,
      Check.requestSerialize,
      Check.responseDeserialize,
      { service: name },
      new Metadata(),
      {},
      (error, response) => {
        if (error !== null) reject(error)
        else resolve(response?.status ?? 'none')
      },
    )
  })
}

/** The statuses that Watch tells, one by one. `next` rejects with grpc-js's ServiceError once the watch has ended. */
export function healthWatch(client: Client, name: string): { next(): Promise<string>; cancel(): void } {
  const call = client.makeServerStreamRequest(
    Watch.path,
    Watch.requestSerialize,
    Watch.responseDeserialize,
    { service: name },
    new Metadata(),
    {},
  )
  const updates = on(call, 'data')
  return {
    async next() {
      const { value } = await updates.next()
      return (value as [{ status: string }])[0].status
    },
    cancel: () => call.cancel(),
  }
}
