import { readFileSync } from 'node:fs'
import type { Tool } from '../tool.js'

/** The node that other people's clients are let loose on, and what they must find there. */
export interface Served {
  /** HOST:PORT of gRPC without TLS. */
  readonly address: string
  /** HOST:PORT of HTTP. */
  readonly httpAddress: string
  /** HOST:PORT of gRPC over TLS, with a certificate that nobody vouches for. */
  readonly tlsAddress: string
  /** HOST:PORT of the Redis protocol, without TLS and with it. */
  readonly respAddress: string
  readonly tlsRespAddress: string
  readonly group: string
  /** A group of the same values with a time to live of 100 s. */
  readonly ttlGroup: string
  /** Keys and their values. */
  readonly values: Readonly<Record<string, string>>
  /** The same as JSON. */
  readonly valuesFile: string
  /** A folder for files of the checks. */
  readonly folder: string
}

/** One client against the node. */
export interface Check {
  readonly client: string
  /** What it needs beside Node. */
  readonly tools: readonly Tool[]
  /** Builds one more; its path, or why there is none. */
  readonly builds?: () => string | { readonly missing: string }
  /**
   * Answers what was seen to work, in a few words; rejects with what differed.
   *
   * @param paths of the tools, and then of what was built
   */
  run(served: Served, paths: readonly string[]): Promise<string>
}

/** Rejects with both when they differ. */
export function expect(what: string, is: unknown, expected: unknown): void {
  const [seen, wanted] = [is, expected].map((value) => String(JSON.stringify(value)).slice(0, 200))
  if (seen !== wanted) throw new Error(`${what} is ${seen}, not ${wanted}`)
}

/** Rejects when a text has not all of the parts. */
export function expectParts(what: string, text: string, parts: readonly string[]): void {
  const missing = parts.filter((part) => !text.includes(part))
  if (missing.length > 0)
    throw new Error(`${what} has no ${missing.map((part) => JSON.stringify(part)).join(', ')}`)
}

/** Text of a file beside the sources: not everything that is needed is compiled. */
export function sourceText(name: string): string {
  return readFileSync(new URL(`../../../bench/conformance/${name}`, import.meta.url), 'utf8')
}
