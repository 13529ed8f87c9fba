// A source of values as a module. It is loaded once in every worker thread, so loads run on all cores.
import { readFile } from 'node:fs/promises'

/**
 * Called once per worker thread, with the options of the configuration file.
 *
 * @param {{ source: string }} options `source` is relative to this module
 */
export async function createGetter({ source }) {
  const scores = new Map(Object.entries(JSON.parse(await readFile(new URL(source, import.meta.url), 'utf8'))))

  // Called once per key at a time, however many callers wait for it. In earnest this would be a query or a request;
  // hand it `signal`, and it ends when nobody waits for it any more.
  return async (key, { signal }) => {
    signal.throwIfAborted()
    const value = scores.get(key)
    if (value === undefined) return null // no such key: callers get NOT_FOUND
    return { value, ttlMs: 60_000 } // or the value alone, as text or bytes
  }
}
