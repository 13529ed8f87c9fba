/** A group, as the hot paths of the fronts need it; {@link HotGroup.find} is called under a pin. */
export interface HotGroup {
  readonly name: string
  /** True once it was removed: another group may have its name. */
  readonly isClosed: boolean
  /** Length of the value of the key `bytes[start…end)`; −1 when it takes more than a look into memory. */
  find(bytes: Uint8Array, start: number, end: number, forwarded: boolean): number
  copyFound(target: Uint8Array, at: number): void
  /** Infinity for no limit. */
  foundTtlLeftMs(): number
  /** True for a hot copy of a value that another node owns. */
  readonly foundIsCopy: boolean
}

/** A group whose values are also sent from where they lie. */
export interface InPlaceGroup extends HotGroup {
  /** Infinity when nobody noted when the value was stored: one without a time to live. */
  foundAgeMs(): number
  /** The value where it lies in shared memory: good under the pin alone. */
  foundView(): Uint8Array
  /**
   * Where it was found, to be compared with another find: under pins of one epoch, the same place in the same store holds
   * the same bytes.
   */
  readonly foundStore: object | undefined
  readonly foundPlace: number
}
