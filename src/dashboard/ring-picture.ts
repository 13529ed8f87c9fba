import type { RingMember } from '../client/index.js'
import { crc32 } from '../shared/crc32.js'
import { seriesColour, svg } from './elements.js'

const REPLICAS = 150
const HASH_SPACE = 2 ** 32
const CENTRE = 120
const RADIUS = 96

/** How far shares may be apart that are the same. */
const SHARE_ROUNDING = 1e-6

interface Arc {
  readonly member: number
  readonly from: number
  readonly to: number
}

const encoder = new TextEncoder()

/**
 * The ring, clockwise from the top: which part belongs to whom. Where the node's shares are those of the default ring, its
 * virtual nodes are drawn as they lie, and a key at its place; else only the shares.
 */
export class RingPicture {
  readonly #at: SVGElement
  #drawn = ''
  #isExact = false

  constructor(at: SVGElement) {
    this.#at = at
  }

  show(members: readonly RingMember[], key: Uint8Array | undefined): void {
    const what = JSON.stringify([members.map(({ address, share }) => [address, share]), key && [...key]])
    if (what === this.#drawn) return
    this.#drawn = what
    const exact = virtualNodes(members.map(({ address }) => address))
    this.#isExact = hasShares(exact, members)
    const arcs = this.#isExact ? exact : sharesOnly(members)
    const shares = members.map(({ address, share }) => `${address} ${(share * 100).toFixed(1)} %`)
    this.#at.setAttribute('aria-label', `The ring: ${shares.join(', ')}`)
    this.#at.replaceChildren(
      svg('circle', { class: 'track', cx: CENTRE, cy: CENTRE, r: RADIUS }),
      ...arcs.map(arcElement),
      ...(key && this.#isExact ? [spot(key)] : []),
      text('centre', CENTRE + 4, String(members.length)),
      text('centre-label', CENTRE + 24, members.length === 1 ? 'node' : 'nodes'),
    )
  }
}

function virtualNodes(members: readonly string[]): Arc[] {
  const owners = new Map<number, number>()
  members.forEach((address, member) => {
    for (let replica = 0; replica < REPLICAS; replica++) {
      const point = crc32(encoder.encode(`${replica}${address}`))
      if (!owners.has(point)) owners.set(point, member)
    }
  })
  const points = [...owners].sort(([a], [b]) => a - b)
  const arcs: Arc[] = []
  let from = (points.at(-1)?.[0] ?? 0) / HASH_SPACE - 1
  for (const [point, member] of points) {
    const to = point / HASH_SPACE
    const last = arcs.at(-1)
    if (last?.member === member) arcs[arcs.length - 1] = { ...last, to }
    else arcs.push({ member, from, to })
    from = to
  }
  return arcs
}

function hasShares(arcs: readonly Arc[], members: readonly RingMember[]): boolean {
  const sums = members.map(() => 0)
  for (const { member, from, to } of arcs) sums[member]! += to - from
  return members.every(({ share }, index) => Math.abs(share - sums[index]!) < SHARE_ROUNDING)
}

function sharesOnly(members: readonly RingMember[]): Arc[] {
  let from = 0
  return members.map(({ share }, member) => {
    const arc = { member, from, to: from + share }
    from += share
    return arc
  })
}

function arcElement({ member, from, to }: Arc): SVGElement {
  const made =
    to - from > 0.9999
      ? svg('circle', { class: 'arc', cx: CENTRE, cy: CENTRE, r: RADIUS })
      : svg('path', { class: 'arc', d: pathOf(from, to) })
  made.style.setProperty('--series', seriesColour(member))
  return made
}

function pathOf(from: number, to: number): string {
  const [x1, y1] = placeOf(from, RADIUS)
  const [x2, y2] = placeOf(to, RADIUS)
  return `M${x1} ${y1}A${RADIUS} ${RADIUS} 0 ${to - from > 0.5 ? 1 : 0} 1 ${x2} ${y2}`
}

function spot(key: Uint8Array): SVGElement {
  const [cx, cy] = placeOf(crc32(key) / HASH_SPACE, RADIUS)
  return svg('circle', { class: 'spot', cx, cy, r: 8 })
}

function placeOf(turn: number, radius: number): [x: string, y: string] {
  const angle = turn * 2 * Math.PI - Math.PI / 2
  return [(CENTRE + radius * Math.cos(angle)).toFixed(2), (CENTRE + radius * Math.sin(angle)).toFixed(2)]
}

function text(kind: string, y: number, content: string): SVGElement {
  const made = svg('text', { class: kind, x: CENTRE, y })
  made.textContent = content
  return made
}
