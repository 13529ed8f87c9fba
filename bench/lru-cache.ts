/** As much of the package lru-cache as is measured. */
export interface LruCache<V> {
  readonly size: number
  get(key: string): V | undefined
  peek(key: string): V | undefined
  set(key: string, value: V): unknown
}

export interface LruCacheModule {
  readonly LRUCache: new <V>(options: {
    max?: number
    maxSize?: number
    sizeCalculation?: (value: V, key: string) => number
  }) => LruCache<V>
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
