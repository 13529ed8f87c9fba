import { prng } from '../test/support/prng.js'
import {
  APART,
  alternate,
  bursts,
  type Draw,
  drifting,
  either,
  type Frame,
  loop,
  numbered,
  partsTwice,
  popular,
  recency,
  renewed,
  scan,
  toAndFro,
  twice,
  twiceAtRandom,
  unequal,
  uniform,
} from './draws.js'
import type { Trace } from './trace.js'

/**
 * Work of many kinds, each made for a cache of so many entries: what a policy that adapts must live with. Every kind is
 * good for some policies and bad for others; together they are good for none.
 */
const KINDS: Readonly<Record<string, (frame: Frame) => Draw>> = {
  'zipf 0.6': (frame) => popular(frame, 10, 0.6),
  'zipf 0.8': (frame) => popular(frame, 10, 0.8),
  'zipf 1': (frame) => popular(frame, 10, 1),
  'zipf 1.2': (frame) => popular(frame, 10, 1.2),
  uniform: ({ entries, random }) => uniform(2 * entries, random),
  'loop that fits': ({ entries }) => loop(0.95 * entries),
  'loop 5 % too long': ({ entries }) => loop(1.05 * entries),
  'loop 30 % too long': ({ entries }) => loop(1.3 * entries),
  'loop three times too long': ({ entries }) => loop(3 * entries),
  'to and fro': ({ entries }) => toAndFro(Math.round(1.5 * entries)),
  'each key twice, gap half': ({ entries }) => twice(0.5 * entries),
  'each key twice, gap 90 %': ({ entries }) => twice(0.9 * entries),
  'each key twice, gap 98 %': ({ entries }) => twice(0.98 * entries),
  'each key twice, gap 150 %': ({ entries }) => twice(1.5 * entries),
  'each key twice, gap 190 %': ({ entries }) => twice(1.9 * entries),
  'each part twice, half': ({ entries }) => partsTwice(0.5 * entries),
  'each part twice, 90 %': ({ entries }) => partsTwice(0.9 * entries),
  'each part twice, 98 %': ({ entries }) => partsTwice(0.98 * entries),
  'each key twice, gap random': ({ entries, random }) => twiceAtRandom(1.2 * entries, random),
  'bursts of a few requests': ({ entries, random }) => bursts(0.05 * entries, random),
  'half one-hit wonders': (frame) => either(frame.random, 0.5, popular(frame, 5, 0.9), scan()),
  'four fifths one-hit wonders': (frame) => either(frame.random, 0.8, popular(frame, 5, 0.9), scan()),
  'recency, short': ({ entries, random }) => recency(0.3 * entries, random),
  'recency, long': ({ entries, random }) => recency(1.5 * entries, random),
  'two pools': ({ entries, random }) =>
    alternate(1, uniform(0.7 * entries, random), uniform(20 * entries, random)),
  'zipf and a loop': (frame) => either(frame.random, 0.5, popular(frame, 5, 1), loop(1.2 * frame.entries)),
  'zipf and scans': (frame) => unequal(8 * frame.entries, 2 * frame.entries, popular(frame, 5, 1), scan()),
  'zipf and long scans': (frame) => alternate(10 * frame.entries, popular(frame, 5, 1), scan()),
  'other keys, soon': (frame) => renewed(5 * frame.entries, () => popular(frame, 4, 1)),
  'other keys, late': (frame) => renewed(25 * frame.entries, () => popular(frame, 4, 1)),
  'two sets in turn': (frame) => alternate(8 * frame.entries, popular(frame, 3, 0.9), popular(frame, 3, 0.9)),
  'drifting popularity': (frame) => drifting(frame, 4),
  'fast drifting popularity': (frame) => drifting(frame, 0.2),
  diurnal: (frame) => diurnal(frame),
  'loop, then zipf': (frame) =>
    alternate(frame.requests / 2, loop(1.5 * frame.entries), popular(frame, 5, 1)),
  'zipf, then loop': (frame) =>
    alternate(frame.requests / 2, popular(frame, 5, 1), loop(1.5 * frame.entries)),
  'loop and twice in long turns': ({ entries }) =>
    alternate(20 * entries, loop(1.5 * entries), twice(0.7 * entries)),
  'loop and twice in short turns': ({ entries }) =>
    alternate(6 * entries, loop(1.5 * entries), twice(0.7 * entries)),
  'loop and recency in turns': ({ entries, random }) =>
    alternate(15 * entries, loop(1.4 * entries), recency(0.5 * entries, random)),
  'nested loops': ({ entries }) => alternate(4 * entries, loop(0.8 * entries), scan()),
  'all in turn': (frame) => allInTurn(frame),
}

/** One workload of every kind, each for a cache of `entries`. */
export function* variedWorkloads(entries: number, requests: number, seed: number): Generator<Trace> {
  for (const [name, kind] of Object.entries(KINDS)) {
    yield numbered(name, requests, kind({ entries, requests, random: prng(seed) }))
  }
}

/** Two sets of keys whose shares rise and fall, the one while the other sleeps. */
function diurnal(frame: Frame): Draw {
  const [day, night] = [popular(frame, 4, 0.9), popular(frame, 4, 0.9)]
  return (request) => {
    const share = 0.5 + 0.5 * Math.sin((2 * Math.PI * request) / (12 * frame.entries))
    return frame.random() < share ? APART + night(request) : day(request)
  }
}

function allInTurn(frame: Frame): Draw {
  const { entries, requests, random } = frame
  return alternate(
    requests / 6,
    popular(frame, 5, 1),
    loop(1.3 * entries),
    recency(0.5 * entries, random),
    twice(0.8 * entries),
    uniform(1.5 * entries, random),
    popular(frame, 8, 0.7),
  )
}
