import type { Getter, GetterContext, GetterResult } from '../../src/shared/getter.js'

export interface GatedLoad {
  readonly key: string
  readonly context: GetterContext
  resolve(result: GetterResult): void
  reject(error: unknown): void
}

/** A getter whose loads wait until the test lets them go on. */
export class GatedGetter {
  readonly loads: GatedLoad[] = []
  readonly #waiters: { count: number; resolve(load: GatedLoad): void }[] = []

  readonly get: Getter = (key, context) =>
    new Promise<GetterResult>((resolve, reject) => {
      const load = { key, context, resolve, reject }
      this.loads.push(load)
      for (const waiter of this.#waiters) if (waiter.count === this.loads.length) waiter.resolve(load)
    })

  /** The load of that number, counted from 1, once it has begun. */
  begun(count: number): Promise<GatedLoad> {
    const load = this.loads[count - 1]
    if (load) return Promise.resolve(load)
    return new Promise((resolve) => this.#waiters.push({ count, resolve }))
  }
}
