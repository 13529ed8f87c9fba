const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** Milliseconds of a text such as `500ms`, `1.5s`, `5m`, `2h` or `0`; undefined when it is no such text. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h)$/.exec(text)
  if (match === null) return undefined
  const unitMs = UNITS.find(([unit]) => unit === match[2])?.[1] ?? 1
  const durationMs = Number(match[1]) * unitMs
  return Number.isSafeInteger(durationMs) ? durationMs : undefined
}

/** The shortest exact text: in the largest unit that divides the time evenly. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0'
  for (const [unit, unitMs] of UNITS) {
    if (durationMs >= unitMs && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`
  }
  return `${durationMs}ms`
}
