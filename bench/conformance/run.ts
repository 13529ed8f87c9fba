import { execFile } from 'node:child_process'

const TIMEOUT_MS = 150_000
const OUTPUT_BYTES_MAX = 64 * 2 ** 20

/** What a program has done. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, in bounded time; an exit code other than 0 is for the caller to judge. */
export function run(program: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Ran> {
  const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL' } as const
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code !== 'number') reject(error?.killed === true ? new Error('took too long') : error)
      else resolve({ code, stdout, stderr })
    })
    // Who reads no input may have ended before it came.
    child.stdin?.on('error', () => {}).end(input)
  })
}
