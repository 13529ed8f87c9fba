import { HttpProblem } from './problem.js'
import type { Route } from './route.js'

/** Routes have few segments; a path with more is none of them, and is not taken apart. */
const SEGMENTS_MAX = 16

/** A route and what its path stands for in one request. */
export interface Match {
  readonly route: Route
  readonly parameters: Readonly<Record<string, string>>
}

interface Pattern {
  readonly route: Route
  readonly segments: readonly Segment[]
}

interface Segment {
  /** What stands there; of a parameter its name. */
  readonly text: string
  readonly kind: 'literal' | 'one' | 'rest'
  /** `:verb` behind a parameter. */
  readonly suffix: string
}

/**
 * Finds the route of a request. Paths are matched as they were sent, before anything is decoded: an encoded slash or colon
 * belongs to the segment that it is in, and there is no `..` that could lead anywhere.
 */
export class Router {
  readonly routes: readonly Route[]
  readonly #patterns: readonly Pattern[]

  constructor(routes: readonly Route[]) {
    this.routes = routes
    // Those that say more go first: `{key}:explain` before `{key}`.
    this.#patterns = routes
      .map((route) => ({ route, segments: route.path.split('/').map(segmentOf) }))
      .sort((a, b) => weight(b) - weight(a))
  }

  /**
   * @param method in upper case, whatever it is
   * @throws HttpProblem 404 for a path of no route, 405 with `allow` for a method that it does not have
   */
  match(method: string, path: string): Match {
    const sent = path.split('/', SEGMENTS_MAX)
    const rest = path.split('/').length > SEGMENTS_MAX
    const wanted = method === 'HEAD' ? 'GET' : method
    const allowed = new Set<string>()
    for (const { route, segments } of this.#patterns) {
      if (rest && segments.at(-1)!.kind !== 'rest') continue
      const parameters = parametersOf(segments, sent, path)
      if (parameters === undefined) continue
      if (route.method === wanted) return { route, parameters }
      allowed.add(route.method)
      if (route.method === 'GET') allowed.add('HEAD')
    }
    if (allowed.size === 0) throw new HttpProblem(404, 'There is nothing at this path')
    throw new HttpProblem(405, 'This path does not have that method', {
      headers: { allow: [...allowed].sort().join(', ') },
    })
  }
}

function segmentOf(text: string): Segment {
  const [, name, dots, suffix] = /^\{(\w+)(\.{3})?\}(:\w+)?$/.exec(text) ?? []
  if (name === undefined) return { text, kind: 'literal', suffix: '' }
  return { text: name, kind: dots === undefined ? 'one' : 'rest', suffix: suffix ?? '' }
}

/** How much a pattern says: literal segments most, then suffixes. */
function weight({ segments }: Pattern): number {
  const of = ({ kind, suffix }: Segment) =>
    kind === 'literal' ? 4 : suffix !== '' ? 2 : kind === 'one' ? 1 : 0
  return segments.reduce((sum, segment) => sum * 5 + of(segment), 0)
}

function parametersOf(
  segments: readonly Segment[],
  sent: readonly string[],
  path: string,
): Record<string, string> | undefined {
  const hasRest = segments.at(-1)!.kind === 'rest'
  if (hasRest ? sent.length < segments.length : sent.length !== segments.length) return undefined
  const parameters: Record<string, string> = {}
  let at = 0
  for (const [index, { text, kind, suffix }] of segments.entries()) {
    const segment = kind === 'rest' ? path.slice(at) : sent[index]!
    at += segment.length + 1
    if (kind === 'literal') {
      if (segment !== text) return undefined
    } else {
      const value = segment.slice(0, segment.length - suffix.length)
      if (value === '' || !segment.endsWith(suffix)) return undefined
      parameters[text] = value
    }
  }
  return parameters
}
