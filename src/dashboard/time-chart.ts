import UPlot from './vendor/uplot.js'

/** Points that are kept: five minutes of one each second. */
const POINTS_MAX = 300

export interface TimeChartOptions {
  readonly at: HTMLElement
  readonly legend?: HTMLElement
  readonly label: string
  readonly format: (value: number) => string
  /** The largest value of the axis; without it the axis fits what is shown. */
  readonly max?: number
}

/** One line for each of a few names, over the last five minutes. */
export class TimeChart {
  readonly #options: TimeChartOptions
  readonly #times: number[] = []
  readonly #lines = new Map<string, (number | null)[]>()
  #plot: UPlot | undefined

  constructor(options: TimeChartOptions) {
    this.#options = options
    new ResizeObserver(() => this.#fit()).observe(options.at)
  }

  /** @param values by name of the line; undefined leaves a gap */
  add(timeS: number, values: ReadonlyMap<string, number | undefined>): void {
    this.#times.push(timeS)
    let isNew = false
    for (const name of values.keys()) {
      if (this.#lines.has(name)) continue
      isNew = true
      this.#lines.set(name, new Array(this.#times.length - 1).fill(null))
    }
    for (const [name, line] of this.#lines) line.push(values.get(name) ?? null)
    if (this.#times.length > POINTS_MAX) {
      this.#times.shift()
      for (const line of this.#lines.values()) line.shift()
    }
    if (isNew || this.#plot === undefined) this.redraw()
    else this.#plot.setData(this.#data())
    this.#describe(values)
  }

  /** Draws anew, in the colours of the theme. */
  redraw(): void {
    const { at, legend, format, max } = this.#options
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const axis = {
      stroke: colour('--muted'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: `12px ${style.getPropertyValue('--sans')}`,
    }
    const names = [...this.#lines.keys()]
    this.#plot?.destroy()
    this.#plot = new UPlot(
      {
        width: at.clientWidth,
        height: at.clientHeight,
        cursor: { show: false },
        legend: { show: false },
        padding: [8, 20, 0, 0],
        scales: {
          y: { range: (_, __, top) => [0, max ?? (top > 0 ? top * 1.1 : 1)] },
        },
        axes: [
          { ...axis, space: 70, size: 26, values: (_, times) => times.map(timeOfDay) },
          { ...axis, size: 56, space: 36, values: (_, values) => values.map(format) },
        ],
        series: [
          {},
          ...names.map((label, index) => ({
            label,
            stroke: colour(`--series-${(index % 6) + 1}`),
            width: 2,
            points: { show: false },
            // A quiet moment is no reason to break a line that goes on.
            spanGaps: true,
          })),
        ],
      },
      this.#data(),
      at,
    )
    at.querySelector('.uplot')?.setAttribute('aria-hidden', 'true')
    if (legend === undefined) return
    legend.replaceChildren(
      ...names.slice(0, 6).map((name, index) => {
        const entry = document.createElement('span')
        entry.textContent = name
        entry.style.setProperty('--series', `var(--series-${index + 1})`)
        return entry
      }),
    )
  }

  #data(): UPlot.AlignedData {
    return [this.#times, ...this.#lines.values()]
  }

  #describe(values: ReadonlyMap<string, number | undefined>): void {
    const { at, label, format } = this.#options
    const now = [...values].map(([name, value]) => `${name} ${value === undefined ? 'none' : format(value)}`)
    at.setAttribute('aria-label', `${label}: now ${now.join(', ') || 'nothing'}`)
  }

  #fit(): void {
    const { at } = this.#options
    this.#plot?.setSize({ width: at.clientWidth, height: at.clientHeight })
  }
}

function timeOfDay(timeS: number): string {
  return new Date(timeS * 1000).toTimeString().slice(0, 8)
}
