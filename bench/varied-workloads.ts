import { prng } from '../test/support/prng.js'
import type { Draw, Frame } from './draws.js'
import * as draws from './draws.js'
import type { Trace } from './trace.js'

/**
 * Work of many kinds, each made for a cache of so many entries: what a policy that adapts must live with. Every kind is
 * good for some policies and bad for others; together they are good for none.
 */
const KINDS: Readonly<Record<string, (frame: Frame) => Draw>> = {
  'zipf 0.6': (frame) => draws.popular(frame, 10, 0.6),
  'zipf 0.8': (frame) => draws.popular(frame, 10, 0.8),
  'zipf 1': (frame) => draws.popular(frame, 10, 1),
  'zipf 1.2': (frame) => draws.popular(frame, 10, 1.2),
  uniform: ({ entries, random }) => draws.uniform(2 * entries, random),
  'loop that fits': ({ entries }) => draws.loop(0.95 * entries),
  'loop 5 % too long': ({ entries }) => draws.loop(1.05 * entries),
  'loop 30 % too long': ({ entries }) => draws.loop(1.3 * entries),
  'loop three times too long': ({ entries }) => draws.loop(3 * entries),
  'to and fro': ({ entries }) => draws.toAndFro(Math.round(1.5 * entries)),
  'each key twice, gap half': ({ entries }) => draws.twice(0.5 * entries),
  'each key twice, gap 90 %': ({ entries }) => draws.twice(0.9 * entries),
  'each key twice, gap 98 %': ({ entries }) => draws.twice(0.98 * entries),
  'each key twice, gap 150 %': ({ entries }) => draws.twice(1.5 * entries),
  'each key twice, gap 190 %': ({ entries }) => draws.twice(1.9 * entries),
  'each part twice, half': ({ entries }) => draws.partsTwice(0.5 * entries),
  'each part twice, 90 %': ({ entries }) => draws.partsTwice(0.9 * entries),
  'each part twice, 98 %': ({ entries }) => draws.partsTwice(0.98 * entries),
  'each key twice, gap random': ({ entries, random }) => draws.twiceAtRandom(1.2 * entries, random),
  'bursts of a few requests': ({ entries, random }) => draws.bursts(0.05 * entries, random),
  'half one-hit wonders': (frame) =>
    draws.either(frame.random, 0.5, draws.popular(frame, 5, 0.9), draws.scan()),
  'four fifths one-hit wonders': (frame) =>
    draws.either(frame.random, 0.8, draws.popular(frame, 5, 0.9), draws.scan()),
  'recency, short': ({ entries, random }) => draws.recency(0.3 * entries, random),
  'recency, long': ({ entries, random }) => draws.recency(1.5 * entries, random),
  'two pools': ({ entries, random }) =>
    draws.alternate(1, draws.uniform(0.7 * entries, random), draws.uniform(20 * entries, random)),
  'zipf and a loop': (frame) =>
    draws.either(frame.random, 0.5, draws.popular(frame, 5, 1), draws.loop(1.2 * frame.entries)),
  'zipf and scans': (frame) =>
    draws.unequal(8 * frame.entries, 2 * frame.entries, draws.popular(frame, 5, 1), draws.scan()),
  'zipf and long scans': (frame) =>
    draws.alternate(10 * frame.entries, draws.popular(frame, 5, 1), draws.scan()),
  'other keys, soon': (frame) => draws.renewed(5 * frame.entries, () => draws.popular(frame, 4, 1)),
  'other keys, late': (frame) => draws.renewed(25 * frame.entries, () => draws.popular(frame, 4, 1)),
  'two sets in turn': (frame) =>
    draws.alternate(8 * frame.entries, draws.popular(frame, 3, 0.9), draws.popular(frame, 3, 0.9)),
  'drifting popularity': (frame) => draws.drifting(frame, 4),
  'fast drifting popularity': (frame) => draws.drifting(frame, 0.2),
  diurnal: (frame) => diurnal(frame),
  'loop, then zipf': (frame) =>
    draws.alternate(frame.requests / 2, draws.loop(1.5 * frame.entries), draws.popular(frame, 5, 1)),
  'zipf, then loop': (frame) =>
    draws.alternate(frame.requests / 2, draws.popular(frame, 5, 1), draws.loop(1.5 * frame.entries)),
  'loop and twice in long turns': ({ entries }) =>
    draws.alternate(20 * entries, draws.loop(1.5 * entries), draws.twice(0.7 * entries)),
  'loop and twice in short turns': ({ entries }) =>
    draws.alternate(6 * entries, draws.loop(1.5 * entries), draws.twice(0.7 * entries)),
  'loop and recency in turns': ({ entries, random }) =>
    draws.alternate(15 * entries, draws.loop(1.4 * entries), draws.recency(0.5 * entries, random)),
  'nested loops': ({ entries }) => draws.alternate(4 * entries, draws.loop(0.8 * entries), draws.scan()),
  'all in turn': (frame) => allInTurn(frame),
}

/** One workload of every kind, each for a cache of `entries`. */
export function* variedWorkloads(entries: number, requests: number, seed: number): Generator<Trace> {
  for (const [name, kind] of Object.entries(KINDS)) {
    yield draws.numbered(name, requests, kind({ entries, requests, random: prng(seed) }))
  }
}

/** Two sets of keys whose shares rise and fall, the one while the other sleeps. */
function diurnal(frame: Frame): Draw {
  const [day, night] = [draws.popular(frame, 4, 0.9), draws.popular(frame, 4, 0.9)]
  return (request) => {
    const share = 0.5 + 0.5 * Math.sin((2 * Math.PI * request) / (12 * frame.entries))
    return frame.random() < share ? draws.APART + night(request) : day(request)
  }
}

function allInTurn(frame: Frame): Draw {
  const { entries, requests, random } = frame
  return draws.alternate(
    requests / 6,
    draws.popular(frame, 5, 1),
    draws.loop(1.3 * entries),
    draws.recency(0.5 * entries, random),
    draws.twice(0.8 * entries),
    draws.uniform(1.5 * entries, random),
    draws.popular(frame, 8, 0.7),
  )
}
