import { CacheError, groupNotFound } from '../../shared/errors.js'
import type { HotGroup } from '../hot-group.js'
import type { ServedGroup } from '../served-group.js'

/** A group, as this front needs it. */
export type RespGroup = HotGroup & ServedGroup

const COLON = 58

/** A key as clients name it, taken apart. */
export interface LocatedKey {
  readonly group: RespGroup
  /** Bytes of its own. */
  readonly key: Buffer
}

/**
 * Redis has one flat set of keys, a node has groups: `GROUP:KEY` is the key `KEY` of the group. The first colon divides;
 * all bytes behind it are the key, further colons and any others. Without a colon, the whole is a key of the default
 * group, if there is one.
 */
export class KeySpace {
  /** The group of the last locate(). */
  group: RespGroup | undefined
  readonly #groups: Iterable<RespGroup>
  readonly #defaultGroup: string | undefined
  readonly #defaultName: Uint8Array | undefined
  /** Groups and their names in bytes. */
  #known: { readonly group: RespGroup; readonly name: Uint8Array }[] = []
  #lastName: Uint8Array = new Uint8Array(0)

  constructor(groups: Iterable<RespGroup>, defaultGroup?: string) {
    this.#groups = groups
    this.#defaultGroup = defaultGroup
    this.#defaultName = defaultGroup === undefined ? undefined : Buffer.from(defaultGroup)
  }

  get defaultGroup(): string | undefined {
    return this.#defaultGroup
  }

  /** Where the key of the name `bytes[start…end)` begins, its group in `group`; −1 when there is no such group. */
  locate(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && bytes[at] !== COLON) at++
    if (at === end) {
      const name = this.#defaultName
      return name !== undefined && this.#find(name, 0, name.length) ? start : -1
    }
    return this.#find(bytes, start, at) ? at + 1 : -1
  }

  /**
   * The same with bytes of its own.
   *
   * @throws CacheError NOT_FOUND without such a group, INVALID_ARGUMENT for a name without group or key
   */
  located(name: Buffer): LocatedKey {
    const start = this.locate(name, 0, name.length)
    const { group } = this
    if (start < 0 || group === undefined) throw this.#missing(name)
    if (start === name.length) throw new CacheError('INVALID_ARGUMENT', 'The key is empty')
    return { group, key: Buffer.from(name.subarray(start)) }
  }

  #missing(name: Buffer): CacheError {
    const colon = name.indexOf(COLON)
    if (colon >= 0) return groupNotFound(name.toString('utf8', 0, colon), 'NOT_FOUND')
    if (this.#defaultGroup !== undefined) return groupNotFound(this.#defaultGroup, 'NOT_FOUND')
    return new CacheError('INVALID_ARGUMENT', 'The key names no group: GROUP:KEY is wanted')
  }

  #find(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.group !== undefined && !this.group.isClosed && equals(this.#lastName, bytes, start, end))
      return true
    return this.#findKnown(bytes, start, end) || (this.#refresh() && this.#findKnown(bytes, start, end))
  }

  #findKnown(bytes: Uint8Array, start: number, end: number): boolean {
    for (const { group, name } of this.#known) {
      if (group.isClosed || !equals(name, bytes, start, end)) continue
      this.group = group
      this.#lastName = name
      return true
    }
    this.group = undefined
    return false
  }

  /** True when there are groups that were not known. */
  #refresh(): boolean {
    const groups = [...this.#groups]
    if (groups.length === this.#known.length && groups.every((group, i) => group === this.#known[i]!.group)) {
      return false
    }
    this.#known = groups.map((group) => ({ group, name: Buffer.from(group.name) }))
    return true
  }
}

function equals(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
