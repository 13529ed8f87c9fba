import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { gunzipSync } from 'node:zlib'

const SUFFIX = '.txt.gz'

const NEWLINE = 10
const SPACE = 32
const ZERO = 48

/** A recorded sequence of requests: each is "get, and insert on a miss". */
export interface Trace {
  readonly name: string
  /** The keys requested: dense integers from 0 in order of first appearance. */
  readonly keys: Int32Array
  /** Bytes of the value of each request; undefined when the trace has none. */
  readonly sizes: Uint32Array | undefined
  /** Distinct keys. */
  readonly keyCount: number
}

/** A trace of keys alone. */
export function traceOf(name: string, keys: Int32Array): Trace {
  let keyMax = -1
  for (const key of keys) keyMax = Math.max(keyMax, key)
  return { name, keys, sizes: undefined, keyCount: keyMax + 1 }
}

/** The first requests of a trace, at most so many. */
export function firstRequests(trace: Trace, requestCount: number): Trace {
  if (trace.keys.length <= requestCount) return trace
  return traceOf(trace.name, trace.keys.subarray(0, requestCount))
}

/** The trace in a file, or all those of a folder. */
export function* tracesIn(path: string): Generator<Trace> {
  const isFolder = statSync(path).isDirectory()
  const files = isFolder ? readdirSync(path).filter((name) => name.endsWith(SUFFIX)) : [basename(path)]
  for (const file of files.sort()) yield readTrace(isFolder ? path : dirname(path), basename(file, SUFFIX))
}

/** Reads `<directory>/<name>.txt.gz`: gzip text, one request a line, `key` or `key size` in decimal. */
export function readTrace(directory: string, name: string): Trace {
  const text = gunzipSync(readFileSync(`${directory}/${name}${SUFFIX}`))
  const { keys, sizes } = parseTrace(text)
  return { ...traceOf(name, keys), sizes }
}

/** One trace after the other, the keys of each set apart by its offset. */
export function concatenateTraces(
  name: string,
  parts: readonly { trace: Trace; keyOffset: number }[],
): Trace {
  const keys = new Int32Array(parts.reduce((count, { trace }) => count + trace.keys.length, 0))
  let end = 0
  for (const { trace, keyOffset } of parts) for (const key of trace.keys) keys[end++] = key + keyOffset
  return traceOf(name, keys)
}

function parseTrace(text: Uint8Array): { keys: Int32Array; sizes: Uint32Array | undefined } {
  const lineCount = text.reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 0)
  const numbers = [new Int32Array(lineCount), new Uint32Array(lineCount)] as const
  let line = 0
  let column = 0
  let columnCount = 1
  let number = 0
  for (const byte of text) {
    if (byte === NEWLINE || byte === SPACE) {
      if (column < 2) numbers[column as 0 | 1][line] = number
      number = 0
      if (byte === SPACE) {
        column++
        columnCount = 2
      } else {
        column = 0
        line++
      }
    } else {
      number = number * 10 + byte - ZERO
    }
  }
  return { keys: numbers[0], sizes: columnCount === 2 ? numbers[1] : undefined }
}
