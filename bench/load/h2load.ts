import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pinning } from '../pinning.js'
import type { LoadResult, LoadShape } from './load.js'
import { runProgram } from './run-program.js'

/** What to ask for, again and again. */
export interface Target {
  readonly url: string
  /** Framed gRPC message; without one it is a GET of HTTP/1.1. */
  readonly body?: Uint8Array
  /** Bytes that every answer must have in its DATA; what h2load itself counts as success is any 200. */
  readonly answerBytes?: number
}

/** Load by nghttp2's h2load, whose generator costs less than any server here. */
export class H2load {
  readonly #program: string
  readonly #pinning: Pinning
  readonly #logFile: string
  readonly #bodyFile: string

  /** @param folder for its files */
  constructor(program: string, pinning: Pinning, folder: string) {
    this.#program = program
    this.#pinning = pinning
    this.#logFile = join(folder, 'h2load.log')
    this.#bodyFile = join(folder, 'h2load.body')
  }

  async run(target: Target, shape: LoadShape, callCount: number): Promise<LoadResult> {
    writeFileSync(this.#logFile, '')
    const output = await this.#load(target, shape, callCount, [`--log-file=${this.#logFile}`])
    return parseH2load(output, readFileSync(this.#logFile, 'utf8'), target.answerBytes)
  }

  /** Calls per second when h2load does not write down how long each took, which costs it half of its time. */
  async rate(target: Target, shape: LoadShape, callCount: number): Promise<number> {
    return parseH2load(await this.#load(target, shape, callCount, []), '', target.answerBytes).callsPerSecond
  }

  #load(
    { url, body }: Target,
    shape: LoadShape,
    callCount: number,
    more: readonly string[],
  ): Promise<string> {
    const { connections, streams } = shape
    const load = ['-n', callCount, '-c', Math.min(connections, callCount), '-m', streams, '-t', 1].map(String)
    const grpc = ['-d', this.#bodyFile, '-H', 'content-type: application/grpc', '-H', 'te: trailers']
    if (body !== undefined) writeFileSync(this.#bodyFile, body)
    const kind = body === undefined ? ['--h1'] : grpc
    return runProgram(this.#pinning.generator([this.#program, ...load, ...kind, ...more, url]))
  }
}

/**
 * Reads what h2load prints and its log: start time, HTTP status and duration in microseconds, a line for each request.
 * Answers that are too short or too long all count as errors, since h2load tells only their sum.
 */
export function parseH2load(output: string, log: string, answerBytes?: number): LoadResult {
  const callsPerSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1])
  const [total, succeeded] =
    /requests: (\d+) total, .* (\d+) succeeded/.exec(output)?.slice(1).map(Number) ?? []
  const dataBytes = Number(/\((\d+)\) data/.exec(output)?.[1])
  if (total === undefined || succeeded === undefined || Number.isNaN(callsPerSecond)) {
    throw new Error(`h2load wrote something unknown: ${output}`)
  }
  const isWhole = answerBytes === undefined || dataBytes === succeeded * answerBytes
  const latenciesUs = Float64Array.from(
    log.split('\n').flatMap((line) => {
      const [, status, durationUs] = line.split('\t')
      return status === '200' ? [Number(durationUs)] : []
    }),
  )
  return {
    callCount: isWhole ? succeeded : 0,
    errorCount: isWhole ? total - succeeded : total,
    callsPerSecond,
    latenciesUs: latenciesUs.sort(),
  }
}
