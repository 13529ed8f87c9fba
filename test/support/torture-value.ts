import { crc32 } from '../../src/shared/crc32.js'
import { prng } from './prng.js'

const HEADER_BYTES = 8
const CHECKSUM_BYTES = 4

export function tortureKey(key: number): Buffer {
  return Buffer.from(`key${key}`)
}

/** A value that says whose it is: key, version, noise of both, and a checksum of all of it. */
export function tortureValue(key: number, version: number, noiseBytesMax: number): Buffer {
  const random = prng(Math.imul(key + 1, 0x9e3779b1) ^ version)
  const noiseBytes = Math.floor(random() * noiseBytesMax)
  const value = Buffer.alloc(HEADER_BYTES + noiseBytes + CHECKSUM_BYTES)
  value.writeUInt32LE(key, 0)
  value.writeUInt32LE(version, 4)
  const step = 1 + Math.floor(random() * 250)
  for (let i = 0, noise = step; i < noiseBytes; i++, noise += step) value[HEADER_BYTES + i] = noise
  value.writeUInt32LE(crc32(value.subarray(0, -CHECKSUM_BYTES)) >>> 0, value.length - CHECKSUM_BYTES)
  return value
}

/** The version of a value of that key; throws when the value is torn or another key's. */
export function tortureVersion(key: number, value: Buffer): number {
  const sum = value.length >= HEADER_BYTES + CHECKSUM_BYTES ? value.readUInt32LE(value.length - 4) : -1
  if (crc32(value.subarray(0, -CHECKSUM_BYTES)) >>> 0 !== sum)
    throw new Error(`A torn value of ${value.length} bytes under key ${key}: ${value.toString('hex', 0, 64)}`)
  if (value.readUInt32LE(0) !== key)
    throw new Error(`The value of key ${value.readUInt32LE(0)} under key ${key}`)
  return value.readUInt32LE(4)
}
