import assert from 'node:assert/strict'
import { it } from 'node:test'
import { svgOf } from '../../bench/chart.js'

it('draws bars as long as their values, with what must be escaped escaped', () => {
  const bars = [
    { label: 'a < b & c', value: 50, isOurs: true },
    { label: 'other', value: 100 },
  ]
  const svg = svgOf({
    kind: 'bars',
    name: 'x',
    title: 'A "title"',
    unit: 'µs',
    groups: [{ label: 'group', bars }],
  })
  assert.ok(svg.includes('a &lt; b &amp; c'))
  assert.ok(svg.includes('aria-label="A &quot;title&quot;"'))
  const widths = [...svg.matchAll(/<rect class="(?:ours|bar)"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  )
  assert.equal(widths.length, 2)
  assert.equal(widths[0]! * 2, widths[1])
})

it('draws a line through its points, the axis logarithmic', () => {
  const points = [
    [1, 0],
    [10, 50],
    [100, 100],
  ] as const
  const svg = svgOf({
    kind: 'lines',
    name: 'x',
    title: 't',
    xTitle: 'x',
    yTitle: 'y',
    series: [{ label: 'one', points }],
  })
  const drawn = /<polyline points="([^"]+)"/
    .exec(svg)![1]!
    .split(' ')
    .map((point) => point.split(',').map(Number))
  const [first, middle, last] = drawn as [[number, number], [number, number], [number, number]]
  assert.ok(Math.abs(middle[0] - (first[0] + last[0]) / 2) < 0.2)
  assert.ok(Math.abs(middle[1] - (first[1] + last[1]) / 2) < 0.2)
  assert.ok(first[1] > last[1])
})
