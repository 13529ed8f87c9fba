import { isIPv4, isIPv6 } from 'node:net'
import { CacheError } from '../../shared/errors.js'

/** Where a node or an etcd host listens. */
export interface Address {
  /** IPv4, DNS name, or IPv6 without its brackets: as `net.connect` takes it. */
  readonly host: string
  /** 0 to 65535; 0 stands for any free port. */
  readonly port: number
}

const ADDRESS_LENGTH_MAX = 261
const DNS_NAME_LENGTH_MAX = 253
/** RFC 1123 §2.1; the underscore is not in it, but container networks have it in their names. */
const DNS_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

/**
 * Reads `HOST:PORT`: an IPv4 address, a DNS name or a bracketed IPv6 address, and a decimal port.
 *
 * @throws CacheError INVALID_ARGUMENT that names what is wrong
 */
export function parseAddress(text: string): Address {
  if (text.length > ADDRESS_LENGTH_MAX) throw refusal(`${text.slice(0, 32)}…`, 'is too long')
  const colon = text.lastIndexOf(':')
  if (colon === -1 || text.endsWith(']')) throw refusal(text, 'has no port')
  const port = parsePort(text, text.slice(colon + 1))
  return { host: parseHost(text, text.slice(0, colon)), port }
}

function parsePort(text: string, port: string): number {
  if (port === '') throw refusal(text, 'has no port')
  // No leading zero: one address must have one spelling, for the ring hashes what is written.
  if (!/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 65535) {
    throw refusal(text, `has the port "${port}", not a number from 0 to 65535`)
  }
  return Number(port)
}

function parseHost(text: string, host: string): string {
  if (host === '') throw refusal(text, 'has no host')
  if (host.startsWith('[') && host.endsWith(']')) {
    const inner = host.slice(1, -1)
    if (!isIPv6(inner)) throw refusal(text, `has "${inner}" in brackets, which is no IPv6 address`)
    return inner
  }
  if (host.includes(':')) throw refusal(text, 'needs brackets around its IPv6 address, as in [::1]:8001')
  if (isIPv4(host)) return host
  if (/^[\d.]+$/.test(host)) throw refusal(text, `has "${host}", which is no IPv4 address`)
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  if (name.length > DNS_NAME_LENGTH_MAX || !name.split('.').every((label) => DNS_LABEL.test(label))) {
    throw refusal(text, `has "${host}", which is neither an IP address nor a DNS name`)
  }
  return host
}

function refusal(text: string, what: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', `Address ${JSON.stringify(text)} ${what}; HOST:PORT is wanted`)
}
