import { KEY_BYTES_MAX } from '../../shared/limits.js'
import type { ReaderPin } from '../../shared/store/reader-pin.js'
import type { InPlaceGroup } from '../hot-group.js'
import { etagOf } from './etag.js'
import { percentDecodeInto, percentDecodeText } from './percent.js'
import { FIXED_FIELDS, fieldsOf, secondsOf, VALUE_TYPE } from './value-answer.js'

const GROUPS = '/v1/groups/'
const KEYS = '/keys/'
const EXPLAIN = ':explain'
const SLASH = 0x2f

/** Answers that are kept ready, by the place of their value: a few hundred bytes each. */
const READY_BITS = 12

/** A value in memory, ready to be sent. */
export interface Hit {
  /** In shared memory: to be sent or copied before the pin is left. */
  readonly bytes: Uint8Array
  readonly etag: string
  /** Whole seconds; −1 when there is none to tell. */
  readonly ageS: number
  readonly maxAgeS: number
  /** What `x-cache` says: `hit` or `hot`. */
  readonly cache: string
  /**
   * All header fields of the answer, but for those of the connection, as they stand in it: `application/…\r\netag: "…"`.
   * It begins with the value of `content-type`. In bytes: to uWebSockets.js a string costs twice as much.
   */
  readonly fields: ArrayBuffer
}

interface Ready extends Hit {
  readonly store: object
  readonly place: number
  readonly epoch: number
}

/**
 * GET of a key that lies in the memory of this node: from the path of the request to the value where it lies, without a
 * message, a promise or a copy. Whatever is not that simple is left to the route.
 *
 * Entity tags, header fields and views are kept by place. They are good as long as the owners of the stores have begun no
 * new epoch: until then nothing can have been written to a place where something was found.
 */
export class Hits {
  readonly #groups: Iterable<InPlaceGroup>
  readonly #pin: ReaderPin
  readonly #key = new Uint8Array(KEY_BYTES_MAX)
  readonly #ready: (Ready | undefined)[] = new Array(1 << READY_BITS).fill(undefined)
  /** The group of the last request, and how the paths of its keys begin: hardly ever another. */
  #group: InPlaceGroup | undefined
  #prefix = ''

  /** @param pin of this thread */
  constructor(groups: Iterable<InPlaceGroup>, pin: ReaderPin) {
    this.#groups = groups
    this.#pin = pin
  }

  /** Around find() and the use of what it found, in one synchronous stretch of code. */
  enter(): void {
    this.#pin.enter()
  }

  leave(): void {
    this.#pin.leave()
  }

  /** Lets go of what is kept ready: it holds on to the memory of groups that were removed or resized meanwhile. */
  forget(): void {
    this.#ready.fill(undefined)
  }

  /** @param path as it was sent */
  find(path: string): Hit | undefined {
    if (!this.#isOfGroup(path)) return undefined
    const start = this.#prefix.length
    const end = path.length
    if (end - start > KEY_BYTES_MAX || path.endsWith(EXPLAIN)) return undefined
    for (let i = start; i < end; i++) if (path.charCodeAt(i) === SLASH) return undefined
    const keyBytes = percentDecodeInto(path, start, end, this.#key)
    if (keyBytes <= 0) return undefined
    const group = this.#group!
    return group.find(this.#key, 0, keyBytes, false) < 0 ? undefined : this.#answer(group)
  }

  /** The answer for what the group has found. */
  #answer(group: InPlaceGroup): Hit {
    const store = group.foundStore!
    const place = group.foundPlace
    const index = Math.imul(place >>> 2, 0x9e3779b1) >>> (32 - READY_BITS)
    const ready = this.#ready[index]
    const ttlLeftMs = group.foundTtlLeftMs()
    const maxAgeS = secondsOf(ttlLeftMs)
    const ageS = secondsOf(group.foundAgeMs())
    const isSame =
      ready !== undefined && ready.place === place && ready.store === store && ready.epoch === this.#pin.epoch
    if (isSame && ready.maxAgeS === maxAgeS && ready.ageS === ageS) return ready
    const bytes = isSame ? ready.bytes : group.foundView()
    const etag = isSame ? ready.etag : etagOf(bytes)
    const told = { etag, ageS, maxAgeS, cache: group.foundIsCopy ? 'hot' : 'hit' }
    const made = { store, place, epoch: this.#pin.epoch, bytes, ...told, fields: fieldLinesOf(told) }
    this.#ready[index] = made
    return made
  }

  /** True when the path is that of a key, of the group that then is the group of this request. */
  #isOfGroup(path: string): boolean {
    if (this.#group !== undefined && path.startsWith(this.#prefix) && !this.#group.isClosed) return true
    if (!path.startsWith(GROUPS)) return false
    const end = path.indexOf('/', GROUPS.length)
    if (end < 0 || !path.startsWith(KEYS, end)) return false
    const name = nameOf(path.slice(GROUPS.length, end))
    for (const group of this.#groups) {
      if (group.name !== name) continue
      this.#group = group
      this.#prefix = path.slice(0, end + KEYS.length)
      return true
    }
    return false
  }
}

function fieldLinesOf(told: Parameters<typeof fieldsOf>[0]): ArrayBuffer {
  const fields = { ...fieldsOf(told), ...FIXED_FIELDS }
  const lines = Object.entries(fields).map(([name, value]) => `\r\n${name}: ${value}`)
  return new TextEncoder().encode(`${VALUE_TYPE}${lines.join('')}`).slice().buffer
}

function nameOf(segment: string): string | undefined {
  try {
    return percentDecodeText(segment)
  } catch {
    return undefined
  }
}
