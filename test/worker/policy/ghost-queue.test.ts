import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { GhostQueue } from '../../../src/worker/policy/ghost-queue.js'
import { prng } from '../../support/prng.js'

test('GhostQueue remembers what an array would, through random operations', () => {
  const seed = randomInt(2 ** 31)
  const random = prng(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  for (let run = 0; run < 20; run++) {
    const countMax = 1 + below(200)
    const hashCount = 1 + below(3 * countMax)
    // Hashes that differ in the upper bits only, or the lower ones only, find their places too.
    const step = [1, 1 << 24, 0x9e3779b1][run % 3]!
    const ghosts = new GhostQueue(countMax)
    let model: { hash: number; sizeBytes: number }[] = []
    for (let operation = 0; operation < 2_000; operation++) {
      const hash = Math.imul(below(hashCount), step)
      const kind = random()
      if (kind < 0.6) {
        const sizeBytes = 1 + below(50)
        ghosts.add(hash, sizeBytes)
        model = [...model.filter((ghost) => ghost.hash !== hash), { hash, sizeBytes }].slice(-countMax)
      } else if (kind < 0.95) {
        const known = model.some((ghost) => ghost.hash === hash)
        assert.equal(ghosts.take(hash), known, `seed ${seed}, run ${run}, operation ${operation}`)
        model = model.filter((ghost) => ghost.hash !== hash)
      } else {
        const bytesMax = below(50 * countMax)
        ghosts.trim(bytesMax)
        while (model.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > bytesMax) model.shift()
      }
      ghosts.check()
    }
    for (const { hash } of model) assert.ok(ghosts.take(hash), `seed ${seed}, run ${run}`)
    assert.ok(!ghosts.take(0))
    ghosts.check()
  }
})

test('GhostQueue takes a hash for the same whether it is signed or not', () => {
  const ghosts = new GhostQueue(4)
  ghosts.add(0xffff_fff0, 1)
  assert.ok(ghosts.take(-16))
  ghosts.add(-16, 1)
  assert.ok(ghosts.take(0xffff_fff0))
  ghosts.check()
})
