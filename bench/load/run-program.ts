import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { CommandLine } from '../pinning.js'

const TIMEOUT_MS = 120_000
const OUTPUT_BYTES_MAX = 512 * 2 ** 20

/** Runs a program to its end and answers its standard output; rejects when it fails or takes too long. */
export async function runProgram([program, ...args]: CommandLine): Promise<string> {
  const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL' } as const
  const { stdout } = await promisify(execFile)(program, args, options)
  return stdout
}
