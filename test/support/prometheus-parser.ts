import assert from 'node:assert/strict'

/** A sample as the text has it. */
export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with all of its samples. */
export interface ParsedFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string | undefined
  readonly samples: ParsedSample[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`)
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y

/** Suffixes of the samples of each type; in Prometheus' own format, counters and gauges have none. */
const OPEN_SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  info: ['_info'],
  histogram: ['_bucket', '_sum', '_count'],
}
const PLAIN_SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/**
 * Reads Prometheus text format 0.0.4, or OpenMetrics 1.0.0, and checks what a scraper relies on, more strictly than it
 * would: metadata before samples, one block for each metric, no sample twice, known suffixes, histograms that add up.
 */
export function parseMetrics(text: string, open: boolean): ReadonlyMap<string, ParsedFamily> {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const lines = text.slice(0, -1).split('\n')
  if (open) assert.equal(lines.pop(), '# EOF')
  const families = new Map<string, ParsedFamily>()
  let meta: Record<string, string> = {}
  let current: ParsedFamily | undefined
  for (const line of lines) {
    const [, kind, name, rest] = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/.exec(line) ?? []
    if (kind !== undefined) {
      if (meta.name !== name) meta = { name: name! }
      assert.ok(!(kind in meta), `${kind} of ${name} stands twice`)
      assert.ok(!families.has(name!), `${name} stands in two places`)
      meta[kind] = rest!
      current = undefined
      continue
    }
    if (current === undefined) {
      assert.ok(meta.name && meta.TYPE && meta.HELP, `no metadata before: ${line}`)
      current = { name: meta.name, type: meta.TYPE, help: meta.HELP, unit: meta.UNIT, samples: [] }
      families.set(current.name, current)
    }
    addSample(current, line, open)
  }
  for (const family of families.values()) checkFamily(family, open)
  return families
}

function addSample(family: ParsedFamily, line: string, open: boolean): void {
  const [, name = '', labelText = '', valueText = ''] = SAMPLE.exec(line) ?? []
  assert.ok(name, `no sample: ${line}`)
  const suffixes = (open ? OPEN_SUFFIXES : PLAIN_SUFFIXES)[family.type]
  assert.ok(
    suffixes?.includes(name.slice(family.name.length)),
    `${name} of the ${family.type} ${family.name}`,
  )
  assert.ok(name.startsWith(family.name), `${name} stands under ${family.name}`)
  const labels = parseLabels(labelText)
  const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText)
  assert.ok(!Number.isNaN(value), `no number: ${line}`)
  family.samples.push({ name, labels, value })
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const from = LABEL.lastIndex
    const [, name, value] = LABEL.exec(text) ?? []
    assert.ok(name !== undefined && value !== undefined, `no labels: ${text.slice(from)}`)
    assert.ok(!(name in labels), `label ${name} twice`)
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
  }
  return labels
}

function checkFamily({ name, type, unit, samples }: ParsedFamily, open: boolean): void {
  const seen = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]))
  assert.equal(new Set(seen).size, seen.length, `${name} has a sample twice`)
  if (unit !== undefined) assert.ok(name.endsWith(`_${unit}`), `${name} is in ${unit}`)
  if (type === 'counter') {
    for (const { value } of samples) assert.ok(value >= 0, `${name} is negative`)
    if (!open) assert.ok(name.endsWith('_total'), name)
  }
  if (type === 'histogram') checkHistogram(name, samples)
  else for (const { labels } of samples) assert.ok(!('le' in labels), `${name} is no histogram`)
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const series = new Map<string, ParsedSample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) =>
      labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
    )
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY, `${name} ${key}`)
    for (const [index, bucket] of buckets.entries()) {
      if (index === 0) continue
      assert.ok(bounds[index]! > bounds[index - 1]!, `${name} ${key}: bounds`)
      assert.ok(bucket.value >= buckets[index - 1]!.value, `${name} ${key}: cumulative`)
    }
    const only = (suffix: string) => own.filter((sample) => sample.name === name + suffix)
    assert.deepEqual([only('_sum').length, only('_count').length], [1, 1], `${name} ${key}`)
    assert.equal(only('_count')[0]!.value, buckets.at(-1)!.value, `${name} ${key}: count`)
  }
}
