import { fileURLToPath } from 'node:url'
import type { Pinning } from '../pinning.js'
import type { LoadResult } from './load.js'
import { runProgram } from './run-program.js'

/** The load generators of our own, each a program in this folder. */
export type LoadProgram = 'frame-load' | 'tcp-load' | 'ws-load'

/** Runs one of them on its core; it prints a {@link LoadResult} as JSON. */
export async function runLoad(
  pinning: Pinning,
  program: LoadProgram,
  args: readonly (string | number)[],
): Promise<LoadResult> {
  const file = fileURLToPath(new URL(`./${program}.js`, import.meta.url))
  const command = [process.execPath, file, ...args.map(String)] as const
  const result = JSON.parse(await runProgram(pinning.generator(command))) as LoadResult
  return { ...result, latenciesUs: Float64Array.from(result.latenciesUs) }
}
