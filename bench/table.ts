import { alignColumns } from '../src/main/cli/columns.js'

export interface Column {
  readonly name: string
  /** Digits after the point of the numbers in it. Default 0. */
  readonly digits?: number
}

/** Figures with a heading. */
export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}

/** Undefined where nothing could be measured; null is the same, read from JSON. */
export type Cell = string | number | undefined | null

/** Aligned text, figures at the right of their columns. */
export function textOf({ title, columns, rows }: Table): string {
  const right = columns.map((_, index) => index).filter((index) => isFigures(rows, index))
  const body = rows.map((row) => row.map((cell, index) => cellText(cell, columns[index]!)))
  return `${title}\n\n${alignColumns([columns.map(({ name }) => name), ...body], right)
    .replace(/^/gm, '  ')
    .trimEnd()}\n`
}

/** The same as a table of Markdown. */
export function markdownOf({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const rule = columns.map((_, index) => (isFigures(rows, index) ? '--:' : '---'))
  const body = rows.map((row) => line(row.map((cell, index) => cellText(cell, columns[index]!))))
  return `${title}\n\n${line(columns.map(({ name }) => name))}${line(rule)}${body.join('')}`
}

function cellText(cell: Cell, { digits = 0 }: Column): string {
  if (cell === undefined || cell === null) return '–'
  if (typeof cell === 'string') return cell
  return cell.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function isFigures(rows: readonly (readonly Cell[])[], index: number): boolean {
  return rows.some((row) => typeof row[index] === 'number')
}
