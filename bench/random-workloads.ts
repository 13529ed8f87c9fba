import { prng } from '../test/support/prng.js'
import type { Draw, Frame } from './draws.js'
import * as draws from './draws.js'
import type { Trace } from './trace.js'

type Make = (frame: Frame, between: (low: number, high: number) => number) => Draw

/** Simple work, each figure of it left to chance. */
const SIMPLE: readonly Make[] = [
  (frame, between) => draws.popular(frame, between(2, 20), between(0.5, 1.4)),
  (frame, between) => draws.popular(frame, between(2, 20), between(0.5, 1.4)),
  (frame, between) => draws.drifting(frame, between(0.2, 8)),
  (frame, between) =>
    draws.renewed(between(4, 30) * frame.entries, () => draws.popular(frame, between(2, 8), 1)),
  ({ entries, random }, between) => draws.uniform(between(0.5, 4) * entries, random),
  ({ entries }, between) => draws.loop(between(0.5, 3) * entries),
  ({ entries }, between) => draws.loop(between(0.9, 1.3) * entries),
  ({ entries }, between) => draws.toAndFro(Math.round(between(0.8, 2) * entries)),
  ({ entries }, between) => draws.twice(between(0.1, 1.95) * entries),
  ({ entries }, between) => draws.partsTwice(between(0.3, 1.2) * entries),
  ({ entries, random }, between) => draws.twiceAtRandom(between(0.5, 2) * entries, random),
  ({ entries, random }, between) => draws.bursts(between(0.02, 0.5) * entries, random),
  ({ entries, random }, between) => draws.recency(between(0.2, 2) * entries, random),
]

/** Ways to make one work of two. */
const MIXTURES: readonly ((frame: Frame, between: (low: number, high: number) => number) => Draw)[] = [
  (frame, between) => simple(frame, between),
  (frame, between) => draws.either(frame.random, between(0.1, 0.9), simple(frame, between), draws.scan()),
  (frame, between) =>
    draws.either(frame.random, between(0.1, 0.9), simple(frame, between), simple(frame, between)),
  (frame, between) =>
    draws.unequal(
      between(3, 20) * frame.entries,
      between(0.5, 3) * frame.entries,
      simple(frame, between),
      draws.scan(),
    ),
  (frame, between) =>
    draws.alternate(between(3, 30) * frame.entries, simple(frame, between), simple(frame, between)),
  (frame, between) => {
    const change = Math.floor(between(0.2, 0.8) * frame.requests)
    const [one, other] = [simple(frame, between), simple(frame, between)]
    return (request) => (request < change ? one(request) : draws.APART + other(request))
  },
]

/**
 * Work that nobody has chosen: what a policy that adapts has never seen. Kind, mixture and every figure of it follow
 * from the seed.
 */
export function randomWorkload(entries: number, requests: number, seed: number): Trace {
  const random = prng(seed)
  const between = (low: number, high: number) => low + (high - low) * random()
  const frame = { entries, requests, random }
  return draws.numbered(`random ${seed}`, requests, pick(MIXTURES, random)(frame, between))
}

function simple(frame: Frame, between: (low: number, high: number) => number): Draw {
  return pick(SIMPLE, frame.random)(frame, between)
}

function pick<T>(choices: readonly T[], random: () => number): T {
  return choices[Math.floor(choices.length * random())]!
}
