import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { GhostTable } from '../../../src/worker/policy/ghost-table.js'
import { prng } from '../../support/prng.js'

/** Up to here nothing is rounded, and hardly a bucket is ever full. */
const EXACT_COUNT_MAX = 100
/** Additions after which a key is forgotten, however few are left. */
const SPAN = 256

interface Ghost {
  readonly hash: number
  readonly sizeBytes: number
  readonly number: number
}

test('GhostTable remembers few keys as an array would, through random operations', () => {
  const seed = randomInt(2 ** 31)
  const random = prng(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  for (let run = 0; run < 12; run++) {
    const countMax = 1 + below(EXACT_COUNT_MAX)
    const hashCount = 1 + below(3 * countMax)
    // Hashes that differ in the upper bits only, or the lower ones only, find their places too.
    const step = [1, 1 << 24, 0x9e3779b1][run % 3]!
    const ghosts = new GhostTable(countMax)
    let model: Ghost[] = []
    let number = 0
    for (let operation = 0; operation < 2_000; operation++) {
      const hash = Math.imul(below(hashCount), step)
      const kind = random()
      if (kind < 0.6) {
        const sizeBytes = 1 + below(50)
        ghosts.add(hash, sizeBytes)
        model = [...model.filter((ghost) => ghost.hash !== hash), { hash, sizeBytes, number: number++ }]
        model = model.slice(-countMax).filter((ghost) => ghost.number >= number - SPAN)
      } else if (kind < 0.95) {
        const known = model.some((ghost) => ghost.hash === hash)
        assert.equal(ghosts.take(hash), known, `seed ${seed}, run ${run}, operation ${operation}`)
        model = model.filter((ghost) => ghost.hash !== hash)
      } else {
        const bytesMax = below(50 * countMax)
        ghosts.trim(bytesMax)
        while (model.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > bytesMax) model.shift()
      }
      if (operation % 16 === 0) ghosts.check()
    }
    for (const { hash } of model) assert.ok(ghosts.take(hash), `seed ${seed}, run ${run}`)
    assert.ok(!ghosts.take(0))
    ghosts.check()
  }
})

test('GhostTable takes all keys along when it grows, but for the oldest of full buckets', () => {
  // Before, amid and after the first moves into larger tables.
  for (const count of [6_900, 7_000, 7_800, 13_900, 14_000, 50_000]) {
    const ghosts = new GhostTable(100_000)
    for (let hash = 0; hash < count; hash++) ghosts.add(hash, 1)
    ghosts.check()
    let foundCount = 0
    for (let hash = 0; hash < count; hash++) if (ghosts.take(hash)) foundCount++
    // While it fills, as long as nothing expires, every size in turn has its full buckets.
    assert.ok(foundCount > 0.8 * count, `${foundCount} of ${count}`)
    ghosts.check()
  }
})

test('GhostTable finds nearly all of many keys, and none that were forgotten', () => {
  const countMax = 60_000
  const ghosts = new GhostTable(countMax)
  const added = 3 * countMax
  for (let hash = 0; hash < added; hash++) {
    ghosts.add(hash, 1)
    if (hash % 5_000 === 0) ghosts.check()
  }
  ghosts.check()
  let foundCount = 0
  for (let hash = 0; hash < added; hash++) {
    const found = ghosts.take(hash)
    if (hash < added - countMax) assert.ok(!found, `${hash} was forgotten`)
    if (found) foundCount++
  }
  assert.ok(foundCount > 0.93 * countMax, `${foundCount} of ${countMax}`)
  ghosts.check()
})

test('GhostTable mistakes no key of long ago for a new one when its stamp comes again', () => {
  const ghosts = new GhostTable(20_000)
  for (let hash = 0; hash < 20_000; hash++) ghosts.add(hash, 1)
  // Hardly a ghost is left from here on: epochs are as short as they may be.
  for (let hash = 20_000; hash < 60_000; hash++) {
    ghosts.trim(0)
    ghosts.add(hash, 1)
    if (hash % 1_000 === 0) ghosts.check()
    assert.ok(!ghosts.take(hash - 20_000), `${hash - 20_000} was forgotten`)
  }
  ghosts.check()
})

test('GhostTable holds the bytes that it is trimmed to within an epoch', () => {
  const seed = randomInt(2 ** 31)
  const random = prng(seed)
  const ghosts = new GhostTable(30_000)
  const bytesMax = 100_000
  let foundCount = 0
  for (let step = 0; step < 40_000; step++) {
    ghosts.add(step, 10)
    ghosts.trim(bytesMax)
    if (random() < 0.1) ghosts.take(Math.floor(step * random()))
  }
  ghosts.check()
  for (let hash = 0; hash < 40_000; hash++) if (ghosts.take(hash)) foundCount++
  assert.ok(foundCount <= 10_000 && foundCount > 9_300, `seed ${seed}: ${foundCount}`)
})

test('GhostTable takes a hash for the same whether it is signed or not', () => {
  const ghosts = new GhostTable(4)
  ghosts.add(0xffff_fff0, 1)
  assert.ok(ghosts.take(-16))
  ghosts.add(-16, 1)
  assert.ok(ghosts.take(0xffff_fff0))
  ghosts.check()
})
