import { parseAddress } from './address.js'

const VALUE_BYTES_MAX = 64 * 1024

/** Keys of a service start so. With the slash, or `geek-cache` would also take in `geek-cache-staging`. */
export function registrationPrefix(service: string): string {
  return `${service}/`
}

/**
 * The value that a node registers under `<service>/<address>`: the update record that etcd's Go client writes
 * (go.etcd.io/etcd/client/v3/naming/endpoints), byte for byte in its order of fields.
 */
export function encodeRegistration(address: string, metadata: unknown): Buffer {
  return Buffer.from(JSON.stringify({ Op: 0, Addr: address, Metadata: metadata ?? null }))
}

/**
 * The address that an entry registers; undefined for an entry that is no registration: not such a record, or its
 * `Addr` is no HOST:PORT or another than the one in its key.
 *
 * @param name the key without its prefix
 */
export function decodeRegistration(name: string, value: Uint8Array): string | undefined {
  if (value.length > VALUE_BYTES_MAX) return undefined
  try {
    const record: unknown = JSON.parse(Buffer.from(value).toString())
    if (typeof record !== 'object' || record === null || !('Addr' in record)) return undefined
    if (record.Addr !== name) return undefined
    parseAddress(name)
    return name
  } catch {
    return undefined
  }
}
