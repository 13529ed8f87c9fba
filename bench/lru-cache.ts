/** As much of the package lru-cache as is measured. */
export interface LruCache {
  readonly size: number
  get(key: string): Uint8Array | undefined
  peek(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array): unknown
}

interface LruCacheModule {
  readonly LRUCache: new (options: {
    max?: number
    maxSize?: number
    sizeCalculation?: (value: Uint8Array, key: string) => number
  }) => LruCache
}

export const LRU_CACHE_ADVICE = 'lru-cache is not here: npm install --no-save lru-cache'

/** A peer of the store, if it is installed: the project itself does not need it. */
export async function findLruCache(): Promise<LruCacheModule['LRUCache'] | undefined> {
  const name = 'lru-cache'
  try {
    return ((await import(name)) as LruCacheModule).LRUCache
  } catch {
    return undefined
  }
}
