import { setText, svg } from './elements.js'

/** A part of a whole, drawn as a bar with its text beside it. */
export interface Meter {
  /** 0…1 */
  readonly part: number
  readonly text: string
}

export interface Cell {
  readonly text: string
  /** Makes the cell a button. */
  readonly onPick?: () => void
  readonly meter?: Meter
  readonly isKey?: boolean
  /** A colour to be shown before the text. */
  readonly swatch?: string
}

export interface Row {
  readonly key: string
  readonly isCurrent?: boolean
  /** The first one is the heading of the row. */
  readonly cells: readonly (string | Cell)[]
}

/** A table whose rows stay the same elements while they have the same key: focus and selection stay where they are. */
export class DataTable {
  readonly #body: HTMLTableSectionElement
  readonly #numbers: readonly boolean[]
  readonly #rows = new Map<string, HTMLTableRowElement>()

  constructor(table: HTMLTableElement) {
    this.#body = table.tBodies[0]!
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])]
    this.#numbers = heads.map((head) => head.classList.contains('number'))
  }

  show(rows: readonly Row[]): void {
    const keys = new Set(rows.map(({ key }) => key))
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue
      row.remove()
      this.#rows.delete(key)
    }
    rows.forEach((row, index) => {
      const shown = this.#rows.get(row.key) ?? this.#newRow(row)
      if (this.#body.rows[index] !== shown) this.#body.insertBefore(shown, this.#body.rows[index] ?? null)
      if (row.isCurrent) shown.setAttribute('aria-current', 'true')
      else shown.removeAttribute('aria-current')
      row.cells.forEach((cell, column) => {
        fill(shown.cells[column]!, typeof cell === 'string' ? { text: cell } : cell)
      })
    })
  }

  #newRow({ key, cells }: Row): HTMLTableRowElement {
    const row = document.createElement('tr')
    cells.forEach((_, column) => {
      const cell = document.createElement(column === 0 ? 'th' : 'td')
      if (column === 0) cell.scope = 'row'
      if (this.#numbers[column]) cell.className = 'number'
      row.append(cell)
    })
    this.#rows.set(key, row)
    return row
  }
}

function fill(at: HTMLTableCellElement, { text, onPick, meter, isKey, swatch }: Cell): void {
  if (meter !== undefined) fillMeter(at, meter)
  else if (onPick !== undefined) fillButton(at, text, onPick)
  else if (isKey || swatch !== undefined) {
    const span = at.querySelector('span:last-child') ?? at.appendChild(document.createElement('span'))
    if (isKey) span.className = 'key'
    if (swatch !== undefined) {
      const colour = at.querySelector<HTMLElement>('.swatch') ?? document.createElement('span')
      colour.className = 'swatch'
      colour.style.setProperty('--series', swatch)
      if (colour.parentNode === null) at.prepend(colour)
    }
    setText(span, text)
  } else setText(at, text)
}

function fillButton(at: HTMLTableCellElement, text: string, onPick: () => void): void {
  let button = at.querySelector('button')
  if (button === null) {
    button = document.createElement('button')
    button.type = 'button'
    button.className = 'pick'
    at.append(button)
  }
  button.onclick = onPick
  setText(button, text)
}

function fillMeter(at: HTMLTableCellElement, { part, text }: Meter): void {
  let bar = at.querySelector('rect')
  if (bar === null) {
    const meter = document.createElement('div')
    meter.className = 'meter'
    const picture = svg('svg', { 'aria-hidden': 'true', viewBox: '0 0 100 8', preserveAspectRatio: 'none' })
    bar = svg('rect', { width: 0, height: 8 }) as SVGRectElement
    picture.append(bar)
    meter.append(picture, document.createElement('span'))
    at.append(meter)
  }
  bar.setAttribute('width', String(Math.round(Math.max(0, Math.min(1, part)) * 1000) / 10))
  setText(at.querySelector('span')!, text)
}
