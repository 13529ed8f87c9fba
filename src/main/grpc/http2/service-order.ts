import { assert } from '../../../shared/assert.js'

/** Levels, from those who have had the least. */
export const LEVEL_COUNT = 32

/** Once in so many times the highest level goes first: nobody waits for as long as others come. */
const TURNS_PER_FAVOUR = 8

/** What waits for its turn, by level: the lowest first, and within a level first come, first served. */
export class ServiceOrder {
  readonly #levels: (() => void)[][] = Array.from({ length: LEVEL_COUNT }, () => [])
  #count = 0
  #taken = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** @param level from 0 to {@link LEVEL_COUNT} − 1 */
  add(run: () => void, level: number): void {
    this.#levels[level]!.push(run)
    this.#count++
  }

  /** There is one. */
  take(): () => void {
    const isFavour = ++this.#taken % TURNS_PER_FAVOUR === 0
    const level = isFavour ? this.#levels.findLast(isNotEmpty) : this.#levels.find(isNotEmpty)
    assert(level !== undefined, 'Nothing waits')
    this.#count--
    return level.shift()!
  }
}

function isNotEmpty({ length }: readonly unknown[]): boolean {
  return length > 0
}
