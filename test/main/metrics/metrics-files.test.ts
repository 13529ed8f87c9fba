import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { grafanaDashboard } from '../../../src/main/metrics/grafana-dashboard.js'
import { METRIC_FAMILIES, sampleNamesOf } from '../../../src/main/metrics/metric-families.js'
import { metricsPage } from '../../../src/main/metrics/metrics-page.js'

const root = new URL('../../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const MADE = 'it is made by "npm run metrics:files"'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
}

test('the files in the repository are those of the tables', () => {
  assert.equal(read('docs/metrics.md'), metricsPage(), MADE)
  assert.deepEqual(JSON.parse(read('examples/grafana-dashboard.json')), grafanaDashboard(), MADE)
})

test('names and help of metrics are as Prometheus wants them', () => {
  const names = METRIC_FAMILIES.flatMap((family) => sampleNamesOf(family))
  assert.equal(new Set(names).size, names.length)
  for (const { name, type, unit, help, labels } of METRIC_FAMILIES) {
    assert.match(name, /^geekcache_[a-z]+(_[a-z]+)*$/)
    if (unit) assert.ok(name.endsWith(`_${unit}`), name)
    if (type === 'counter') assert.ok(!name.endsWith('_total'), name)
    assert.ok(help.length > 0 && !help.endsWith('.'), name)
    for (const label of labels) assert.match(label, /^[a-z]+(_[a-z]+)*$/)
    assert.ok(!['le', 'quantile', 'key'].some((label) => labels.includes(label)), name)
  }
})

test('every metric of the dashboard exists, and has the labels that are asked for', () => {
  const families = new Map(
    METRIC_FAMILIES.flatMap((family) => sampleNamesOf(family).map((name) => [name, family])),
  )
  const { panels } = grafanaDashboard() as { panels: readonly Panel[] }
  const used = new Set<string>()
  for (const { title, targets } of panels.filter(({ type }) => type !== 'row')) {
    assert.ok(targets && targets.length > 0, title)
    for (const { expr } of targets) {
      assert.equal(expr.split('(').length, expr.split(')').length, expr)
      for (const [, name = '', selector = ''] of expr.matchAll(/(geekcache_\w+)\{([^}]*)\}/g)) {
        const family = families.get(name)
        assert.ok(family, `${title}: ${name}`)
        used.add(name)
        const labels = [...selector.matchAll(/(\w+)=/g)].map(([, label]) => label!)
        const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', '))
        for (const label of [...labels, ...grouped]) {
          assert.ok(['instance', 'le', ...family.labels].includes(label), `${title}: ${name} has no ${label}`)
        }
      }
    }
  }
  assert.ok(used.size > 20)
})

test('panels have ids of their own and do not lie on each other', () => {
  const { panels } = grafanaDashboard() as { panels: readonly Panel[] }
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), title)
        taken.add(`${x} ${y}`)
      }
    }
  }
})
