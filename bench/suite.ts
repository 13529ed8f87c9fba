import type { Chart } from './chart.js'
import type { Goal } from './goal.js'
import type { Table } from './table.js'

/** What one suite found. */
export interface Findings {
  readonly tables: readonly Table[]
  readonly goals?: readonly Goal[]
  readonly charts?: readonly Chart[]
  /** What a reader must know to judge the figures: what was missing, what was pinned where. */
  readonly notes?: readonly string[]
}

/** One subject of measurement: a file `<name>.bench.ts` exports it as `suite`. */
export interface Suite {
  readonly name: string
  /** In one line, for the list of suites. */
  readonly summary: string
  run(run: Run): Promise<Findings>
}

/** One run of one suite: its size, the parameters that it used, and where it says how far it is. */
export class Run {
  readonly smoke: boolean
  readonly parameters: Record<string, number> = {}
  /** A file or folder of recorded traces. */
  readonly trace: string | undefined
  readonly #progress: (line: string) => void

  constructor(smoke: boolean, progress: (line: string) => void, trace?: string) {
    this.smoke = smoke
    this.trace = trace
    this.#progress = progress
  }

  /** A size of the run: tiny, to see that the suite still works, or as large as a figure needs. */
  parameter(name: string, smoke: number, full: number): number {
    const value = this.smoke ? smoke : full
    this.parameters[name] = value
    return value
  }

  /** Says what is going on. */
  progress(line: string): void {
    this.#progress(line)
  }
}
