import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LocatedKey } from '../../../src/main/resp/key-space.js'
import { DEFAULT_LIMITS } from '../../../src/main/resp/limits.js'
import { RespMetrics } from '../../../src/main/resp/resp-metrics.js'
import type { Session } from '../../../src/main/resp/session.js'
import { Tracker } from '../../../src/main/resp/tracker.js'
import { NodeCounters } from '../../../src/shared/node-counters.js'
import { FakeClock } from '../../support/fake-clock.js'

describe('Tracker', () => {
  for (const [before, after, kept] of [
    [true, true, true],
    [false, true, false],
    [true, false, false],
  ]) {
    it(`${kept ? 'lets a client keep' : 'calls back'} a copy covered before: ${before}, after: ${after}`, () => {
      let isCovered = before!
      const told: unknown[] = []
      const tracking = { mode: 'all', prefixes: [], noLoop: false, redirect: 0, caching: undefined }
      const session = {
        tracking,
        host: { isClosed: false },
        invalidate: (names: unknown) => told.push(names),
      } as unknown as Session
      const located = { group: { name: 'g' }, key: Buffer.from('a') } as unknown as LocatedKey
      const tracker = new Tracker({
        invalidations: { watch: () => () => {}, covers: () => isCovered },
        metrics: new RespMetrics(new NodeCounters().row(0, 'main')),
        limits: DEFAULT_LIMITS,
        clock: new FakeClock(),
        defaultGroup: undefined,
      })
      tracker.start(session, [])
      const read = tracker.begin(session, Buffer.from('g:a'), located)
      isCovered = after!
      tracker.end(read, Number.POSITIVE_INFINITY)
      assert.deepEqual(told, kept ? [] : [['g:a']])
      assert.equal(tracker.trackedCount, kept ? 1 : 0)
      tracker.close()
    })
  }
})
