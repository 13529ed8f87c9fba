import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** An answer, whole. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  json<Value>(): Value
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** One request on a connection of its own. */
export function ask(
  address: string,
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<Answered> {
  const { hostname, port } = new URL(`http://${address}`)
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const whole = Buffer.concat(parts)
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          body: whole,
          json: () => JSON.parse(whole.toString()),
        })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** A connection that sends bytes as they are. */
export async function openRaw(address: string): Promise<Socket> {
  const { hostname, port } = new URL(`http://${address}`)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that comes back for the bytes, until the other side ends the connection. */
export async function askRaw(address: string, bytes: string | Uint8Array): Promise<string> {
  const socket = await openRaw(address)
  let answered = ''
  socket.on('data', (part) => {
    answered += part.toString('latin1')
  })
  socket.write(bytes)
  await once(socket, 'close')
  return answered
}
