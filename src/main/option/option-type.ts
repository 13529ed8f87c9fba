import { parseAddress } from '../cluster/address.js'
import { formatByteSize, parseByteSize } from './byte-size.js'
import { formatDuration, parseDuration } from './duration.js'

/** How the values of an option are written. */
export interface OptionType<T> {
  /** Stands for the value in usage lines; empty for a switch, which takes none. */
  readonly placeholder: string
  /** Completes "expected …" in messages. */
  readonly expected: string
  /**
   * What a file may hold: one scalar, a sequence of scalars (or one text with commas), or any YAML, which then comes
   * to `parse` as JSON.
   */
  readonly shape: 'scalar' | 'list' | 'any'
  /** The value that the text stands for; when it stands for none, undefined, or a CacheError that says why. */
  parse(text: string): T | undefined
  /** The text that `parse` would take for this value. */
  format(value: T): string
}

/** Any text but the empty one. */
export function text(placeholder: string, expected = 'a text that is not empty'): OptionType<string> {
  return {
    placeholder,
    expected,
    shape: 'scalar',
    parse: (written) => (written === '' ? undefined : written),
    format: (value) => value,
  }
}

/** A text that is not printed again. */
export function secret(placeholder: string): OptionType<string> {
  return { ...text(placeholder), format: () => '***' }
}

/** HOST:PORT, kept as it is written; with `anyPort`, port 0 stands for a free one. */
export function address({ anyPort = false } = {}): OptionType<string> {
  return {
    placeholder: 'HOST:PORT',
    expected: `HOST:PORT, such as 127.0.0.1:8001 or [::1]:8001, the port from ${anyPort ? 0 : 1} to 65535`,
    shape: 'scalar',
    parse(written) {
      const { port } = parseAddress(written)
      return port === 0 && !anyPort ? undefined : written
    },
    format: (value) => value,
  }
}

/** HOST:PORT to listen on, or `off`. */
export function addressOrOff(): OptionType<string> {
  const one = address({ anyPort: true })
  return {
    ...one,
    placeholder: 'HOST:PORT|off',
    expected: `${one.expected}, or off`,
    parse: (written) => (written === 'off' ? written : one.parse(written)),
  }
}

/** A whole number, bounds included. */
export function integer(min: number, max: number): OptionType<number> {
  return {
    placeholder: 'N',
    expected: `a whole number from ${min} to ${max}`,
    shape: 'scalar',
    parse: (written) => (/^-?\d+$/.test(written) ? within(Number(written), min, max) : undefined),
    format: String,
  }
}

/** A number of bytes, bounds included. */
export function byteSize(minBytes: number, maxBytes: number): OptionType<number> {
  const range = `from ${formatByteSize(minBytes)} to ${formatByteSize(maxBytes)}`
  return {
    placeholder: 'SIZE',
    expected: `a size such as 512KiB, 64MiB or 2GiB, ${range}`,
    shape: 'scalar',
    parse: (written) => within(parseByteSize(written), minBytes, maxBytes),
    format: formatByteSize,
  }
}

/** A time in milliseconds, bounds included. */
export function duration(minMs: number, maxMs: number): OptionType<number> {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`
  return {
    placeholder: 'TIME',
    expected: `a time such as 500ms, 30s, 5m or 1h, ${range}`,
    shape: 'scalar',
    parse: (written) => within(parseDuration(written), minMs, maxMs),
    format: formatDuration,
  }
}

/** A part of a whole, 0 to `max`. */
export function share(max = 1): OptionType<number> {
  return {
    placeholder: 'SHARE',
    expected: `a share from 0 to ${max}, such as 0.1`,
    shape: 'scalar',
    parse: (written) => (/^\d+(\.\d+)?$/.test(written) ? within(Number(written), 0, max) : undefined),
    format: String,
  }
}

/** One name of a closed list. */
export function oneOf<const Name extends string>(
  placeholder: string,
  names: readonly Name[],
): OptionType<Name> {
  return {
    placeholder,
    expected: `one of ${names.join(', ')}`,
    shape: 'scalar',
    parse: (written) => names.find((name) => name === written),
    format: (value) => value,
  }
}

/** One or more of another type, separated by commas. */
export function list<T>(item: OptionType<T>): OptionType<readonly T[]> {
  return {
    placeholder: `${item.placeholder}[,…]`,
    expected: `a list with commas, each ${item.expected}`,
    shape: 'list',
    parse(written) {
      const values: T[] = []
      for (const part of written.split(',')) {
        const value = item.parse(part.trim())
        if (value === undefined) return undefined
        values.push(value)
      }
      return values
    },
    format: (values) => values.map((value) => item.format(value)).join(','),
  }
}

/** On when it is given. */
export function toggle(): OptionType<boolean> {
  return {
    placeholder: '',
    expected: 'true or false',
    shape: 'scalar',
    parse: (written) => (written === 'true' ? true : written === 'false' ? false : undefined),
    format: String,
  }
}

/** Whatever the file holds there. */
export function anything(): OptionType<unknown> {
  return {
    placeholder: 'YAML',
    expected: 'JSON',
    shape: 'any',
    parse: parseJson,
    format: (value) => JSON.stringify(value),
  }
}

function parseJson(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return undefined
  }
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}
