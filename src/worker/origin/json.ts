import { readFile, stat } from 'node:fs/promises'
import { type Clock, systemClock } from '../../shared/clock.js'
import { CacheError } from '../../shared/errors.js'
import type { Getter } from '../../shared/getter.js'

/** What the origin is told: `origin: { json: FILE }`. */
export interface JsonOriginOptions {
  /** A file that holds one JSON object: `{ "Tom": "630" }`. */
  readonly path: string
}

/** What the origin needs beside its options; for tests. */
export interface JsonOriginContext {
  readonly clock?: Clock
  /** Told when the file has become unreadable while its last good content is served on. */
  readonly warn?: (message: string) => void
}

const CHECK_INTERVAL_MS = 1000

/**
 * A getter over a JSON file. Texts and numbers are served as their text (numbers as JavaScript prints them), objects
 * and arrays as JSON, `null` and missing keys as "not found". The file may change at any time: it is looked at, at most
 * once a second, when a key is loaded.
 *
 * @throws CacheError INVALID_ARGUMENT when the file cannot be read or is no JSON object
 */
export async function createGetter(options: unknown, context: JsonOriginContext = {}): Promise<Getter> {
  const path = (options as JsonOriginOptions | undefined)?.path
  if (typeof path !== 'string')
    throw new CacheError('INVALID_ARGUMENT', 'The JSON origin needs the option "path"')
  const file = new JsonFile(path, context.clock ?? systemClock, context.warn ?? warnOfProcess)
  await file.open()
  return async (key) => {
    await file.refresh()
    return file.get(key)
  }
}

class JsonFile {
  readonly #path: string
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  #values: ReadonlyMap<string, string | null> = new Map()
  /** Which version of the file was read last; empty when it could not be read. */
  #version = ''
  /** A version is read twice: a second change within one tick of the file system's clock looks like the first. */
  #settled = false
  #warned = ''
  #checkedAtMs = 0
  #refreshing: Promise<void> | undefined

  constructor(path: string, clock: Clock, warn: (message: string) => void) {
    this.#path = path
    this.#clock = clock
    this.#warn = warn
  }

  async open(): Promise<void> {
    this.#checkedAtMs = this.#clock.nowMs()
    await this.#readIfChanged()
  }

  get(key: string): string | null {
    return this.#values.get(key) ?? null
  }

  /** Reads the file again if it has changed and the last look is long enough ago. Never rejects. */
  refresh(): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#checkedAtMs < CHECK_INTERVAL_MS) return Promise.resolve()
    this.#checkedAtMs = nowMs
    this.#refreshing = this.#readIfChanged()
      .catch((thrown: unknown) => this.#keepLastGood(CacheError.from(thrown).message))
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  async #readIfChanged(): Promise<void> {
    const version = await this.#statVersion()
    if (version === this.#version && this.#settled) return
    // Parsed before anything is kept: a file that is just being written must not cost what was read before.
    this.#values = parseValues(this.#path, await this.#readText())
    this.#settled = version === this.#version
    this.#version = version
    this.#warned = ''
  }

  #keepLastGood(reason: string): void {
    this.#version = ''
    if (reason !== this.#warned) this.#warn(`${reason}; the values read before are served on`)
    this.#warned = reason
  }

  async #statVersion(): Promise<string> {
    const { mtimeMs, size, ino } = await stat(this.#path).catch((thrown: unknown) =>
      Promise.reject(unreadable(this.#path, thrown)),
    )
    return `${mtimeMs} ${size} ${ino}`
  }

  async #readText(): Promise<string> {
    return readFile(this.#path, 'utf8').catch((thrown: unknown) =>
      Promise.reject(unreadable(this.#path, thrown)),
    )
  }
}

function parseValues(path: string, text: string): ReadonlyMap<string, string | null> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (thrown) {
    throw new CacheError(
      'INVALID_ARGUMENT',
      `${path} is no JSON: ${CacheError.from(thrown).message.replace(/\s+/g, ' ')}`,
      {
        cause: thrown,
      },
    )
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new CacheError('INVALID_ARGUMENT', `${path} does not hold a JSON object of keys and values`)
  }
  return new Map(Object.entries(parsed).map(([key, value]) => [key, textOf(value)]))
}

function textOf(value: unknown): string | null {
  if (value === null) return null
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function unreadable(path: string, thrown: unknown): CacheError {
  const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
  const reason = missing ? 'no such file' : CacheError.from(thrown).message
  return new CacheError('INVALID_ARGUMENT', `Cannot read ${path}: ${reason}`, { cause: thrown })
}

function warnOfProcess(message: string): void {
  process.emitWarning(message, 'GeekCacheOriginWarning')
}
