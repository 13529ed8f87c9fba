import { createHash } from 'node:crypto'

/** What passwords are compared by: all of one length, so that the time taken tells nothing of it. */
export function hashedPassword(password: Buffer): Buffer {
  return createHash('sha256').update(password).digest()
}
