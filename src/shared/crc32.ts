const POLYNOMIAL_REVERSED = 0xedb88320

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL_REVERSED : remainder >>> 1
  }
  return remainder
})

/**
 * CRC-32 as in IEEE 802.3 and RFC 1952 §8, as an unsigned number.
 * `node:zlib` has it from Node 22.2 on; this one also runs on Node 20.
 */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff
  for (let offset = 0; offset < bytes.length; offset++) {
    remainder = (remainder >>> 8) ^ TABLE[(remainder ^ bytes[offset]!) & 0xff]!
  }
  return ~remainder >>> 0
}
