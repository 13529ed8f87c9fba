import { deflate, gunzip, gzip, inflate } from 'node:zlib'

export type Encoding = 'identity' | 'gzip' | 'deflate'

/** For grpc-accept-encoding. */
export const ACCEPTED_ENCODINGS = 'identity,gzip,deflate'

export function parseEncoding(name: string): Encoding | undefined {
  return name === 'identity' || name === 'gzip' || name === 'deflate' ? name : undefined
}

/**
 * Inflates one message off the event loop.
 *
 * @param bytesMax of the result: an error with code ERR_BUFFER_TOO_LARGE above it, before it is built
 */
export function decompress(
  encoding: 'gzip' | 'deflate',
  message: Buffer,
  bytesMax: number,
  done: (error: NodeJS.ErrnoException | null, message: Buffer) => void,
): void {
  const options = { maxOutputLength: Math.max(1, bytesMax) }
  if (encoding === 'gzip') gunzip(message, options, done)
  else inflate(message, options, done)
}

export function compress(
  encoding: 'gzip' | 'deflate',
  message: Buffer,
  done: (error: Error | null, message: Buffer) => void,
): void {
  if (encoding === 'gzip') gzip(message, done)
  else deflate(message, done)
}
