import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy on a free port of 127.0.0.1 that can let connections go deaf: open, but nothing comes back. */
export class DeafProxy {
  readonly #server: Server
  readonly #upstreams: Socket[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(target: string): Promise<DeafProxy> {
    const [host, port] = target.split(':')
    const server = createServer()
    const proxy = new DeafProxy(server)
    server.on('connection', (client) => {
      const upstream = connect(Number(port), host)
      proxy.#upstreams.push(upstream)
      client.pipe(upstream).pipe(client)
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        socket.on('error', () => other.destroy())
        socket.on('close', () => other.destroy())
      }
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get connections(): number {
    return this.#upstreams.length
  }

  /** The connection of that number, counted from 0, goes deaf. */
  deafen(index: number): void {
    this.#upstreams[index]?.unpipe().pause()
  }

  /** The connection of that number ends. */
  cut(index: number): void {
    this.#upstreams[index]?.destroy()
  }

  async close(): Promise<void> {
    for (const upstream of this.#upstreams) upstream.destroy()
    await once(this.#server.close(), 'close')
  }
}
