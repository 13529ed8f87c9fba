import { type Node, startNode } from '../../src/main/index.js'

const GROUPS = ['sessions', 'scores', 'images'] as const

/** Three nodes of one ring that are asked for keys all the time, to be watched. */
export class WatchedNodes {
  readonly #nodes: Node[] = []
  #isBusy = true
  #load: Promise<unknown> = Promise.resolve()

  /** @param ports of 127.0.0.1 that are free, one for each node */
  static async start(ports: readonly number[]): Promise<WatchedNodes> {
    const watched = new WatchedNodes()
    const peers = ports.map((port) => `127.0.0.1:${port}`)
    for (const self of peers) {
      const node = await startNode({ self, peers, workers: 2, http: '127.0.0.1:0', httpEngine: 'node' })
      watched.#nodes.push(node)
      for (const name of GROUPS) {
        const getter = async (key: string) => {
          await new Promise((resolve) => setTimeout(resolve, 1 + (key.length % 3) * 4))
          return `${name} ${key} `.repeat(name === 'images' ? 100 : 4)
        }
        await node.group(name, { maxBytes: name === 'images' ? 1 << 18 : 1 << 20, ttlMs: 20_000, getter })
      }
    }
    watched.#load = watched.#ask()
    return watched
  }

  /** HOST:PORT of the page of the first node. */
  get address(): string {
    return this.#nodes[0]!.addresses.HTTP!
  }

  get first(): Node {
    return this.#nodes[0]!
  }

  /** No more load; what is shown comes to rest. */
  async rest(): Promise<void> {
    this.#isBusy = false
    await this.#load
  }

  async close(): Promise<void> {
    await this.rest()
    await Promise.all(this.#nodes.map((node) => node.close()))
  }

  /** Keys by Zipf's law, more or less: the lower a number, the more often it is asked for. */
  async #ask(): Promise<void> {
    const node = this.#nodes[0]!
    for (let round = 0; this.#isBusy; round++) {
      const calls = GROUPS.flatMap((name, group) =>
        Array.from({ length: 40 >> group }, (_, index) => {
          const number = Math.floor(3000 ** (((round * 37 + index * 101) % 1000) / 1000))
          return node.findGroup(name)!.get(`user:${number}`)
        }),
      )
      await Promise.all(calls)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
