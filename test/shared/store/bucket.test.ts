import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstMatch, matchTags, spreadTag } from '../../../src/shared/store/bucket.js'
import { bucketOf } from '../../../src/shared/store/layout.js'
import { Prng, seedOf } from '../../support/prng.js'

test('every byte of a word that is the tag is reported, and the first report is right', () => {
  const random = new Prng(seedOf())
  for (let round = 0; round < 20_000; round++) {
    const tag = random.below(256)
    const tags = Array.from({ length: 4 }, () => (random.below(3) === 0 ? tag : random.below(256)))
    const word = tags[0]! | (tags[1]! << 8) | (tags[2]! << 16) | (tags[3]! << 24)
    const reported: number[] = []
    for (let matches = matchTags(word, spreadTag(tag)); matches !== 0; matches &= matches - 1) {
      reported.push(firstMatch(matches))
    }
    for (const [index, one] of tags.entries()) {
      if (one === tag) assert.ok(reported.includes(index), `tag ${tag} in ${tags} at ${index}`)
    }
    if (reported.length > 0) assert.equal(tags[reported[0]!], tag)
  }
})

test('a bucket more takes hashes from one bucket alone', () => {
  const random = new Prng(seedOf())
  for (let bucketCount = 1; bucketCount < 300; bucketCount++) {
    const divided = bucketCount - 2 ** Math.floor(Math.log2(bucketCount))
    for (let round = 0; round < 50; round++) {
      const hash = (random.below(2 ** 32) - 2 ** 31) | 0
      const [before, after] = [bucketOf(hash, bucketCount), bucketOf(hash, bucketCount + 1)]
      assert.ok(before < bucketCount)
      assert.ok(
        after === before || (before === divided && after === bucketCount),
        `${hash}: ${before}, ${after}`,
      )
    }
  }
})
