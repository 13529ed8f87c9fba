import type { Outcome } from '../main/call.js'
import type { CounterSample, HotKeySample, KeyExplanation } from '../main/node-view.js'
import { CacheError, Code, codeNameOf } from '../shared/errors.js'
import { type LiveRing, readRing, writeRing } from './live-ring.js'
import { eachField, WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

/** A value, and how the node came by it; geekcache.v1.LiveValue. */
export interface LiveValue {
  readonly value: Uint8Array
  readonly outcome: Outcome
  /** Infinity when it has no time to live. */
  readonly ttlLeftMs: number
  /** Address of the node that had or loaded it; empty for the node that answers. */
  readonly answeredBy: string
}

/** What the values of LiveStats are of; geekcache.v1.LiveSeries. */
export type LiveSeries = Omit<CounterSample, 'value'>

/** geekcache.v1.LiveStats. */
export interface LiveStats {
  readonly atMs: number
  /** Undefined when they are those of the message before. */
  readonly series: readonly LiveSeries[] | undefined
  readonly values: readonly number[]
}

/** What a node answers; geekcache.v1.LiveReply.answer. */
export type LiveAnswer =
  | { readonly kind: 'failed'; readonly error: CacheError }
  | { readonly kind: 'value'; readonly value: LiveValue }
  | { readonly kind: 'values'; readonly results: readonly (LiveValue | CacheError)[] }
  | { readonly kind: 'explained'; readonly explanation: KeyExplanation }
  | { readonly kind: 'hotKeys'; readonly keys: readonly HotKeySample[] }
  | { readonly kind: 'stats'; readonly self: string; readonly counters: readonly CounterSample[] }
  | { readonly kind: 'ring'; readonly ring: LiveRing }
  | { readonly kind: 'keysChanged'; readonly keys: readonly Uint8Array[] | 'all' }
  | { readonly kind: 'liveStats'; readonly stats: LiveStats }
  | { readonly kind: 'done' | 'watching' }

export interface LiveReply {
  readonly id: number
  /** Undefined for a kind that this version does not know. */
  readonly answer: LiveAnswer | undefined
}

const FIELDS = {
  failed: 3,
  value: 4,
  values: 5,
  done: 6,
  explained: 7,
  hotKeys: 8,
  stats: 9,
  ring: 10,
  watching: 11,
  keysChanged: 12,
  liveStats: 13,
} as const satisfies Record<LiveAnswer['kind'], number>

const KINDS = new Map(
  Object.entries(FIELDS).map(([kind, field]) => [field as number, kind as LiveAnswer['kind']]),
)

/** In the order of their numbers in geekcache.v1.Outcome, which begin with 1. */
const OUTCOMES: readonly Outcome[] = ['hit', 'load', 'coalesced', 'stale', 'hot']

export function encodeReply(id: number, answer: LiveAnswer): Uint8Array<ArrayBuffer> {
  return new WireWriter()
    .uint(1, id)
    .message(FIELDS[answer.kind], (writer) => writeAnswer(answer, writer))
    .finish()
}

/** The answer as it stands in a reply: behind an id of its own it is one (fields may come in any order). */
export function encodeAnswer(answer: LiveAnswer): Uint8Array<ArrayBuffer> {
  return encodeReply(0, answer)
}

function writeAnswer(answer: LiveAnswer, writer: WireWriter): void {
  switch (answer.kind) {
    case 'failed':
      writeFailure(answer.error, writer)
      break
    case 'value':
      writeValue(answer.value, writer)
      break
    case 'values':
      for (const result of answer.results) writer.message(1, () => writeResult(result, writer))
      break
    case 'explained':
      writeExplanation(answer.explanation, writer)
      break
    case 'hotKeys':
      for (const { key, hits, hitsOverMax } of answer.keys) {
        writer.message(1, () => writer.bytes(1, key).double(2, hits).double(3, hitsOverMax))
      }
      break
    case 'stats':
      writer.text(1, answer.self)
      for (const { name, group, shard, value } of answer.counters) {
        writer.message(2, () => writer.text(1, name).text(2, group).uint(3, shard).double(4, value))
      }
      break
    case 'ring':
      writeRing(answer.ring, writer)
      break
    case 'keysChanged':
      if (answer.keys === 'all') writer.bool(2, true)
      else for (const key of answer.keys) writer.bytesAlways(1, key)
      break
    case 'liveStats':
      writeLiveStats(answer.stats, writer)
      break
  }
}

function writeFailure({ code, message }: CacheError, writer: WireWriter): void {
  writer.uint(1, Code[code]).text(2, message)
}

function writeValue({ value, outcome, ttlLeftMs, answeredBy }: LiveValue, writer: WireWriter): void {
  writer.bytes(1, value).uint(2, OUTCOMES.indexOf(outcome) + 1)
  if (ttlLeftMs !== Number.POSITIVE_INFINITY) writer.uintAlways(3, Math.trunc(ttlLeftMs))
  writer.text(4, answeredBy)
}

function writeResult(result: LiveValue | CacheError, writer: WireWriter): void {
  if (result instanceof CacheError) writer.message(2, () => writeFailure(result, writer))
  else writer.message(1, () => writeValue(result, writer))
}

function writeExplanation(explanation: KeyExplanation, writer: WireWriter): void {
  const { owner, isOwned, shard, present, notFound, ageMs, ttlLeftMs, valueBytes, costBytes } = explanation
  const { hits, hotCopyMs } = explanation
  writer.text(1, owner).bool(2, isOwned).uint(3, shard).bool(4, present).bool(5, notFound)
  if (ageMs !== undefined) writer.doubleAlways(6, ageMs)
  if (ttlLeftMs !== undefined) writer.doubleAlways(7, ttlLeftMs)
  writer.uint(8, valueBytes).uint(9, costBytes)
  if (hits !== undefined) writer.doubleAlways(10, hits)
  if (hotCopyMs !== undefined) writer.doubleAlways(11, hotCopyMs)
}

function writeLiveStats({ atMs, series, values }: LiveStats, writer: WireWriter): void {
  writer.double(1, atMs)
  for (const { name, group, shard, labels = {} } of series ?? []) {
    writer.message(2, () => {
      writer.text(1, name).text(2, group).uint(3, shard)
      for (const [label, text] of Object.entries(labels)) {
        writer.message(4, () => writer.text(1, label).text(2, text))
      }
    })
  }
  writer.doubles(3, values)
}

/** Bytes are views of `bytes`. Throws RangeError on bytes that are no such message. */
export function decodeReply(bytes: Uint8Array): LiveReply {
  const reader = new WireReader(bytes)
  let id = 0
  let answer: LiveAnswer | undefined
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    const kind = KINDS.get(field)
    if (field === 1) id = reader.uint32()
    else if (kind !== undefined) answer = readAnswer(kind, reader.message())
    else reader.skip()
  }
  return { id, answer }
}

function readAnswer(kind: LiveAnswer['kind'], reader: WireReader): LiveAnswer {
  switch (kind) {
    case 'failed':
      return { kind, error: readFailure(reader) }
    case 'value':
      return { kind, value: readValue(reader) }
    case 'values':
      return { kind, results: readResults(reader) }
    case 'explained':
      return { kind, explanation: readExplanation(reader) }
    case 'hotKeys':
      return { kind, keys: readHotKeys(reader) }
    case 'stats':
      return readStats(reader)
    case 'ring':
      return { kind, ring: readRing(reader) }
    case 'keysChanged':
      return { kind, keys: readChangedKeys(reader) }
    case 'liveStats':
      return { kind, stats: readLiveStats(reader) }
    case 'done':
    case 'watching':
      return { kind }
  }
}

function readFailure(reader: WireReader): CacheError {
  let [code, message] = [0, '']
  eachField(reader, (field) => {
    if (field === 1) code = reader.uint32()
    else if (field === 2) message = reader.text()
    else return false
    return true
  })
  return new CacheError(codeNameOf(code), message)
}

function readValue(reader: WireReader): LiveValue {
  let value = new Uint8Array(0)
  let [outcome, ttlLeftMs, answeredBy] = [0, Number.POSITIVE_INFINITY, '']
  eachField(reader, (field) => {
    // A copy: a view would keep all of the message in memory.
    if (field === 1) value = new Uint8Array(reader.bytes())
    else if (field === 2) outcome = reader.uint32()
    else if (field === 3) ttlLeftMs = reader.uint()
    else if (field === 4) answeredBy = reader.text()
    else return false
    return true
  })
  return { value, outcome: OUTCOMES[outcome - 1] ?? 'load', ttlLeftMs, answeredBy }
}

function readResults(reader: WireReader): (LiveValue | CacheError)[] {
  const results: (LiveValue | CacheError)[] = []
  eachField(reader, (field) => {
    if (field === 1) results.push(readResult(reader.message()))
    return field === 1
  })
  return results
}

function readResult(reader: WireReader): LiveValue | CacheError {
  let result: LiveValue | CacheError | undefined
  eachField(reader, (field) => {
    if (field === 1) result = readValue(reader.message())
    else if (field === 2) result = readFailure(reader.message())
    else return false
    return true
  })
  if (result === undefined) throw new RangeError('A result that is neither value nor failure')
  return result
}

function readExplanation(reader: WireReader): KeyExplanation {
  const explanation: KeyExplanation = {
    owner: '',
    isOwned: false,
    shard: 0,
    present: false,
    notFound: false,
    valueBytes: 0,
    costBytes: 0,
  }
  eachField(reader, (field) => {
    if (field === 1) explanation.owner = reader.text()
    else if (field === 2) explanation.isOwned = reader.bool()
    else if (field === 3) explanation.shard = reader.uint32()
    else if (field === 4) explanation.present = reader.bool()
    else if (field === 5) explanation.notFound = reader.bool()
    else if (field === 6) explanation.ageMs = reader.double()
    else if (field === 7) explanation.ttlLeftMs = reader.double()
    else if (field === 8) explanation.valueBytes = reader.uint32()
    else if (field === 9) explanation.costBytes = reader.uint32()
    else if (field === 10) explanation.hits = reader.double()
    else if (field === 11) explanation.hotCopyMs = reader.double()
    else return false
    return true
  })
  return explanation
}

function readHotKeys(reader: WireReader): HotKeySample[] {
  const keys: HotKeySample[] = []
  eachField(reader, (field) => {
    if (field !== 1) return false
    const sample: HotKeySample = { key: new Uint8Array(0), hits: 0, hitsOverMax: 0 }
    const inner = reader.message()
    eachField(inner, (of) => {
      if (of === 1) sample.key = new Uint8Array(inner.bytes())
      else if (of === 2) sample.hits = inner.double()
      else if (of === 3) sample.hitsOverMax = inner.double()
      else return false
      return true
    })
    keys.push(sample)
    return true
  })
  return keys
}

function readStats(reader: WireReader): LiveAnswer {
  let self = ''
  const counters: CounterSample[] = []
  eachField(reader, (field) => {
    if (field === 1) self = reader.text()
    else if (field === 2) counters.push(readSample(reader.message()))
    else return false
    return true
  })
  return { kind: 'stats', self, counters }
}

function readSample(reader: WireReader): CounterSample {
  const sample: CounterSample = { name: '', group: '', shard: 0, value: 0 }
  eachField(reader, (field) => {
    if (field === 1) sample.name = reader.text()
    else if (field === 2) sample.group = reader.text()
    else if (field === 3) sample.shard = reader.uint32()
    else if (field === 4) sample.value = reader.double()
    else return false
    return true
  })
  return sample
}

function readSeries(reader: WireReader): LiveSeries {
  const series: LiveSeries = { name: '', group: '', shard: 0 }
  const labels: [string, string][] = []
  eachField(reader, (field) => {
    if (field === 1) series.name = reader.text()
    else if (field === 2) series.group = reader.text()
    else if (field === 3) series.shard = reader.uint32()
    else if (field === 4) {
      const label: [name: string, text: string] = ['', '']
      const inner = reader.message()
      eachField(inner, (of) => {
        if (of === 1 || of === 2) label[of - 1] = inner.text()
        return of === 1 || of === 2
      })
      labels.push(label)
    } else return false
    return true
  })
  return labels.length === 0 ? series : { ...series, labels: Object.fromEntries(labels) }
}

function readChangedKeys(reader: WireReader): Uint8Array[] | 'all' {
  const keys: Uint8Array[] = []
  let all = false
  eachField(reader, (field) => {
    if (field === 1) keys.push(new Uint8Array(reader.bytes()))
    else if (field === 2) all = reader.bool()
    else return false
    return true
  })
  return all ? 'all' : keys
}

function readLiveStats(reader: WireReader): LiveStats {
  let atMs = 0
  const series: LiveSeries[] = []
  const values: number[] = []
  eachField(reader, (field) => {
    if (field === 1) atMs = reader.double()
    else if (field === 2) series.push(readSeries(reader.message()))
    else if (field === 3) reader.doubles(values)
    else return false
    return true
  })
  return { atMs, series: series.length === 0 ? undefined : series, values }
}
