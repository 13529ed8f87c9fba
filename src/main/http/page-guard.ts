import { isIP } from 'node:net'
import { HttpProblem } from './problem.js'

type Headers = ReadonlyMap<string, string>

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * Keeps pages of other sites, in the browser of somebody who can reach the node, from using it.
 *
 * - A browser lets such a page send requests, but not read answers. Requests that change something, and WebSockets, are
 *   refused when they say that they come from another origin; programs say nothing of one.
 * - The owner of a name can have it point to the address of the node (DNS rebinding): to the browser, the page then comes
 *   from the node. But the request still says that name. So only known names are answered: addresses, `localhost`, what the
 *   node was told to listen on, and the names that it was told. A node that listens beyond its machine answers to any
 *   name unless it was told some, for it cannot know what it is called there.
 */
export class PageGuard {
  readonly #names: ReadonlySet<string> | undefined
  /** The last one that was allowed: hardly ever another. */
  #last: string | undefined

  /**
   * @param listening host that is listened on
   * @param names that are answered; a name that begins with a dot stands for all below it. Default: any, or on the
   *   machine itself none
   */
  constructor(listening: string, names: readonly string[] | undefined) {
    if (names !== undefined || isLoopback(listening))
      this.#names = new Set(['localhost', listening, ...(names ?? [])].map((name) => name.toLowerCase()))
  }

  /** @param host value of the header field; programs may leave it out, browsers never do */
  allowsHost(host: string | undefined): boolean {
    if (this.#names === undefined || host === undefined || host === '' || host === this.#last) return true
    if (!this.#knows(this.#names, nameOf(host))) return false
    this.#last = host
    return true
  }

  /** Why a request is not carried out; undefined when it may be. */
  refuse(method: string, headers: Headers): HttpProblem | undefined {
    const host = headers.get('host')
    if (!this.allowsHost(host))
      return new HttpProblem(403, `This node does not answer to the name ${host}: see --http-hosts`)
    if (SAFE.has(method) || isOfThisOrigin(headers)) return undefined
    return new HttpProblem(403, 'Pages of other origins may change nothing')
  }

  /** As refuse(), for a WebSocket: there, a page of another origin could read, too. */
  refuseWebSocket(headers: Headers): HttpProblem | undefined {
    const problem = this.refuse('GET', headers)
    if (problem || isOfThisOrigin(headers)) return problem
    return new HttpProblem(403, 'Pages of other origins may not use this WebSocket')
  }

  #knows(names: ReadonlySet<string>, name: string): boolean {
    if (isIP(name) !== 0 || names.has(name)) return true
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
      if (names.has(name.slice(dot))) return true
    return name.endsWith('.localhost')
  }
}

/** True when the request says of no other origin than the one that it is sent to. */
function isOfThisOrigin(headers: Headers): boolean {
  const site = headers.get('sec-fetch-site')
  if (site === 'cross-site' || site === 'same-site') return false
  const origin = headers.get('origin')
  if (origin === undefined) return true
  const host = headers.get('host')?.toLowerCase()
  const match = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())
  return host !== undefined && match !== null && match[1] === host
}

/** Without the port, the brackets of IPv6, and the dot at the end. */
function nameOf(host: string): string {
  const name = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')
  return name.toLowerCase().replace(/\.$/, '')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
