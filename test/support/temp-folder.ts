import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A new folder that is gone after the tests of the suite that asked for it. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'geek-cache-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
