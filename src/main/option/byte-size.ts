const UNITS = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const

/** Bytes of a text such as `4096`, `64KiB`, `1.5GiB`; undefined when it is no such text or no whole number of bytes. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(KiB|MiB|GiB|B)?$/.exec(text)
  if (match === null) return undefined
  const unitBytes = UNITS.find(([unit]) => unit === match[2])?.[1] ?? 1
  const bytes = Number(match[1]) * unitBytes
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The shortest exact text: in the largest unit that divides the size evenly. */
export function formatByteSize(bytes: number): string {
  for (const [unit, unitBytes] of UNITS) {
    if (bytes >= unitBytes && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`
  }
  return String(bytes)
}
