import { isIPv6 } from 'node:net'

/** A HOST:PORT taken apart; an IPv6 host has lost its brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Takes `host:port`, `1.2.3.4:port` or `[::1]:port`; undefined when the text is none of them. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  if (port > 65_535) return undefined
  if (match[1] !== undefined) return isIPv6(match[1]) ? { host: match[1], port } : undefined
  return { host: match[2]!, port }
}
