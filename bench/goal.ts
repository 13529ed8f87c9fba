/** A figure and the bar that it is measured against. */
export interface Goal {
  readonly what: string
  /** Undefined when a part of it could not be measured in this run. */
  readonly measured: number | undefined
  readonly atMost?: number
  readonly atLeast?: number
}

export function isReached({ measured, atMost, atLeast }: Goal): boolean | undefined {
  if (measured === undefined) return undefined
  return measured <= (atMost ?? Number.POSITIVE_INFINITY) && measured >= (atLeast ?? Number.NEGATIVE_INFINITY)
}

/** One quantity in terms of another; undefined when either is missing. */
export function ratio(of: number | undefined, to: number | undefined): number | undefined {
  return of === undefined || to === undefined || to === 0 ? undefined : of / to
}

/** `CPU per call against grpc-js   0.061   at most 0.083   reached`, as the cells of a row. */
export function goalCells(goal: Goal): string[] {
  const bar =
    goal.atMost === undefined ? `at least ${figure(goal.atLeast!)}` : `at most ${figure(goal.atMost)}`
  const verdict = { true: 'reached', false: 'missed', undefined: 'not measured' }[String(isReached(goal))]!
  return [goal.what, goal.measured === undefined ? '–' : figure(goal.measured), bar, verdict]
}

function figure(value: number): string {
  if (Number.isInteger(value) || value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3)
}
