/** Horizontal bars in groups: one quantity of several contestants. */
export interface BarChart {
  readonly kind: 'bars'
  /** Name of its file, without extension. */
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[]
}

export interface Bar {
  readonly label: string
  readonly value: number
  /** Drawn in the colour that stands out. */
  readonly isOurs?: boolean
}

/** Lines over a logarithmic x axis. */
export interface LineChart {
  readonly kind: 'lines'
  /** Name of its file, without extension. */
  readonly name: string
  readonly title: string
  readonly xTitle: string
  readonly yTitle: string
  readonly series: readonly {
    readonly label: string
    readonly points: readonly (readonly [x: number, y: number])[]
  }[]
}

export type Chart = BarChart | LineChart

const WIDTH = 760
const MARGIN = 20
const LABEL_WIDTH = 200
const VALUE_WIDTH = 90
const BAR_HEIGHT = 18
const BAR_STEP = 24
const TITLE_HEIGHT = 48
const PLOT_HEIGHT = 280
const AXIS_WIDTH = 44
const Y_TICKS = 5

/** Distinct for most people who do not see all colours (Okabe and Ito, "Color universal design", 2008), and on both grounds. */
const LINE_COLOURS = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#b8a800',
  '#8c6bb1',
  '#7f7f7f',
  '#000000',
]

/** Follows the colour scheme of the reader. */
const STYLE = `<style>
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 15px; font-weight: 600 }
    .ground { fill: #ffffff; stroke: #d0d7de }
    .grid { stroke: #d0d7de }
    .bar { fill: #8c959f }
    .ours { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .ground { fill: #0d1117; stroke: #30363d }
      .grid { stroke: #30363d }
      .bar { fill: #6e7681 }
      .ours { fill: #4493f8 }
    }
  </style>`

/** The chart as an SVG file. */
export function svgOf(chart: Chart): string {
  return chart.kind === 'bars' ? barsSvg(chart) : linesSvg(chart)
}

function barsSvg({ title, unit, groups }: BarChart): string {
  const max = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)))
  const plotWidth = WIDTH - 2 * MARGIN - LABEL_WIDTH - VALUE_WIDTH
  const parts: string[] = []
  let y = TITLE_HEIGHT
  for (const { label, bars } of groups) {
    parts.push(text(MARGIN, y + 14, label, 'title'))
    y += BAR_STEP
    for (const { label: name, value, isOurs = false } of bars) {
      const width = Math.max(1, (plotWidth * value) / max)
      const x = MARGIN + LABEL_WIDTH
      parts.push(text(MARGIN, y + 14, name))
      parts.push(
        `<rect class="${isOurs ? 'ours' : 'bar'}" x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      )
      parts.push(text(x + width + 6, y + 14, `${figure(value)} ${unit}`))
      y += BAR_STEP
    }
    y += BAR_HEIGHT / 2
  }
  return frame(title, y + MARGIN / 2, parts)
}

function linesSvg({ title, xTitle, yTitle, series }: LineChart): string {
  const points = series.flatMap((one) => one.points)
  const [xMin, xMax] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))]
  const yMax = niceAbove(Math.max(...points.map(([, y]) => y)))
  const [left, top] = [MARGIN + AXIS_WIDTH, TITLE_HEIGHT + 12]
  const plotWidth = WIDTH - left - MARGIN - LABEL_WIDTH / 2 - 20
  const xAt = (x: number) => left + (plotWidth * Math.log(x / xMin)) / Math.log(xMax / xMin || 2)
  const yAt = (y: number) => top + PLOT_HEIGHT * (1 - y / yMax)
  const parts = [text(MARGIN, TITLE_HEIGHT, yTitle)]
  for (let tick = 0; tick <= Y_TICKS; tick++) {
    const value = (yMax * tick) / Y_TICKS
    parts.push(
      `<line class="grid" x1="${left}" x2="${left + plotWidth}" y1="${yAt(value)}" y2="${yAt(value)}"/>`,
    )
    parts.push(text(left - 8, yAt(value) + 4, figure(value), '', 'end'))
  }
  for (const x of new Set(points.map(([x]) => x))) {
    parts.push(text(xAt(x), top + PLOT_HEIGHT + 20, figure(x), '', 'middle'))
  }
  parts.push(text(left + plotWidth / 2, top + PLOT_HEIGHT + 42, xTitle, '', 'middle'))
  series.forEach(({ label, points: own }, index) => {
    const colour = LINE_COLOURS[index % LINE_COLOURS.length]!
    const path = own.map(([x, y]) => `${xAt(x).toFixed(1)},${yAt(y).toFixed(1)}`).join(' ')
    const y = top + 14 + index * BAR_STEP
    const x = left + plotWidth + 16
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    parts.push(
      `<line x1="${x}" x2="${x + 18}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="3"/>`,
    )
    parts.push(text(x + 24, y, label))
  })
  return frame(title, top + PLOT_HEIGHT + 60, parts)
}

function frame(title: string, height: number, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
  ${STYLE}
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
  ${[text(MARGIN, 28, title, 'title'), ...parts].join('\n  ')}
</svg>
`
}

function text(x: number, y: number, content: string, style = '', anchor = 'start'): string {
  const kind = style === '' ? '' : ` class="${style}"`
  const where = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text${kind} x="${x.toFixed(1)}" y="${y.toFixed(1)}"${where}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;')
}

function figure(value: number): string {
  if (Number.isInteger(value) || value >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/** The next of 1, 2, 5 and their tenfolds. */
function niceAbove(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value))
  return magnitude * ([1, 2, 5, 10].find((step) => step * magnitude >= value) ?? 10)
}
