import { isProtobufContentType } from './http-answer.js'
import type { DynamicTable } from './http2/hpack-table.js'
import type { RequestHead } from './http2/request-head.js'
import type { Reply } from './reply.js'
import { type IsOrdinary, RequestShape } from './request-shape.js'
import { fieldOf } from './server-call.js'
import { ShapeMatcher } from './shape-matcher.js'

/**
 * A unary method from bytes to bytes. The request message lies in buffer[start, end), valid during the call only. True:
 * the reply has been given. False: nothing happened, the ordinary handler of the method is to answer, or, if the reply has
 * found no room, this one again. Must not wait, and should not allocate.
 */
export type HotHandler = (buffer: Buffer, start: number, end: number, reply: Reply) => boolean

/** A hot method. It sees no header fields: requests that have one which is ordinary are not for it. */
export interface HotMethod {
  readonly handler: HotHandler
  readonly isOrdinary: IsOrdinary
}

/** What requests of a hot method look like on one connection. */
export interface HotShape {
  readonly request: RequestShape
  readonly handler: HotHandler
}

/** Shapes that a connection remembers. */
const SHAPES_MAX = 4

/** The shapes of the requests of one connection: learned from those that were decoded, recognised by their bytes. */
export class HotShapes {
  /** What is known of the request that was recognised last. */
  readonly matcher: ShapeMatcher
  readonly #methods: ReadonlyMap<string, HotMethod>
  readonly #shapes: HotShape[] = []
  #next = 0
  /** That of the block that was recognised last. */
  #last: HotShape | undefined

  /** @param methods by path */
  constructor(methods: ReadonlyMap<string, HotMethod>, table: DynamicTable) {
    this.#methods = methods
    this.matcher = new ShapeMatcher(table)
  }

  learn(head: RequestHead): void {
    const method = this.#methods.get(head.path)
    if (method === undefined || !isPlain(head) || hasOne(head.fields, method.isOrdinary)) return
    this.#shapes[this.#next] = {
      request: new RequestShape(head, method.isOrdinary),
      handler: method.handler,
    }
    this.#next = (this.#next + 1) % SHAPES_MAX
  }

  recognise(buffer: Buffer, start: number, end: number): HotShape | undefined {
    const { matcher } = this
    const last = this.#last
    if (last !== undefined) {
      if (matcher.matchAgain(buffer, start, end) || matcher.match(last.request, buffer, start, end))
        return last
    }
    for (const shape of this.#shapes) {
      if (shape === last || !matcher.match(shape.request, buffer, start, end)) continue
      this.#last = shape
      return shape
    }
    return undefined
  }
}

/** True for a request that needs nothing but its message to be answered. */
function isPlain(head: RequestHead): boolean {
  if (head.method !== 'POST' || !isProtobufContentType(fieldOf(head.fields, 'content-type'))) return false
  return (fieldOf(head.fields, 'grpc-encoding') ?? 'identity') === 'identity'
}

function hasOne(fields: readonly string[], isOrdinary: IsOrdinary): boolean {
  return fields.some((text, index) => index % 2 === 0 && isOrdinary(text, fields[index + 1]!))
}
