import type { TestContext } from 'node:test'
import type { Group } from '../../src/main/group.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { GroupOptions, NodeOptions } from '../../src/main/node-options.js'
import type { Getter } from '../../src/shared/getter.js'
import { freePorts } from './free-ports.js'

export interface RingNode {
  readonly node: Node
  readonly group: Group
  /** Keys that its getter was asked for, in order. */
  readonly loads: string[]
}

export async function freeAddresses(count: number): Promise<string[]> {
  return (await freePorts(count)).map((port) => `127.0.0.1:${port}`)
}

/** A node with a group `g`; its getter answers `<key> from <address>`, and null for keys that begin with `missing`. */
export async function startRingNode(
  t: TestContext,
  options: NodeOptions,
  groupOptions: Partial<GroupOptions> = {},
): Promise<RingNode> {
  const node = await startNode({ workers: 1, drainMs: 200, ...options })
  t.after(() => node.close())
  const loads: string[] = []
  const getter: Getter = (key, context) => {
    loads.push(key)
    if (typeof groupOptions.getter === 'function') return groupOptions.getter(key, context)
    return key.startsWith('missing') ? null : `${key} from ${node.self}`
  }
  return { node, group: await node.group('g', { maxBytes: 1 << 20, ...groupOptions, getter }), loads }
}

/** Nodes of one process that know each other by a fixed list. */
export async function startRing(
  t: TestContext,
  count: number,
  groupOptions: Partial<GroupOptions> = {},
  options: NodeOptions = {},
): Promise<RingNode[]> {
  const peers = await freeAddresses(count)
  return Promise.all(peers.map((self) => startRingNode(t, { ...options, self, peers }, groupOptions)))
}

/** A key that begins with `prefix` and, as that node sees it, belongs to these addresses in this order. */
export function keyOf(node: Node, owners: readonly string[], prefix = 'key'): string {
  for (let i = 0; i < 100_000; i++) {
    const found = node.owners(`${prefix}${i}`)
    if (owners.every((owner, index) => found[index] === owner)) return `${prefix}${i}`
  }
  throw new Error(`No key belongs to ${owners.join(', ')}`)
}
