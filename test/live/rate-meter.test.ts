import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RateMeter } from '../../src/live/rate-meter.js'

const sample = (name: string, value: number, shard = 0, group = 'g') => ({ name, group, shard, value })

describe('A rate meter', () => {
  it('tells what happened between two looks, by shard, by group and in all', () => {
    const meter = new RateMeter()
    const look = (factor: number) => [
      sample('gets', 100 * factor),
      sample('hits', 60 * factor),
      sample('misses', 20 * factor),
      sample('gets', 20 * factor, 1),
      sample('evictions', 4 * factor, 1),
      sample('entries', 7, 1),
      sample('gets', 6 * factor, 0, 'other'),
      sample('threads', 3, 0, ''),
    ]
    assert.equal(meter.take(1000, look(1)), undefined)
    const { groups, total } = meter.take(3000, look(3))!
    assert.deepEqual(
      groups.map(({ name, getsPerS, hitRatio, evictionsPerS, entries }) => [
        name,
        getsPerS,
        hitRatio,
        evictionsPerS,
        entries,
      ]),
      [
        ['g', 120, 0.75, 4, 7],
        ['other', 6, undefined, 0, 0],
      ],
    )
    assert.deepEqual(
      groups[0]!.shards.map(({ shard, getsPerS }) => [shard, getsPerS]),
      [
        [0, 100],
        [1, 20],
      ],
    )
    assert.equal(total.getsPerS, 126)
  })

  it('begins anew when the node does, and never tells of less than nothing', () => {
    const meter = new RateMeter()
    meter.take(5000, [sample('gets', 900)])
    assert.equal(meter.take(100, [sample('gets', 3)]), undefined)
    assert.equal(meter.take(1100, [sample('gets', 1)])!.total.getsPerS, 0)
    assert.equal(meter.take(2100, [sample('gets', 4)])!.total.getsPerS, 3)
  })

  it('tells percentiles of what ended between two looks', () => {
    const meter = new RateMeter()
    const request = (le: string, value: number) => ({
      ...sample('request_duration_bucket', value, 0, ''),
      labels: { front: 'grpc', outcome: 'hit', le },
    })
    const look = (loads: number, requests: number) => [
      sample('load_ms_le_1', 0),
      sample('load_ms_le_2', loads),
      sample('load_ms_over', loads / 10),
      request('0.001', requests),
      request('+Inf', requests),
    ]
    meter.take(0, look(0, 0))
    const [loads, grpc] = meter.take(1000, look(100, 50))!.latencies
    assert.deepEqual([loads?.name, loads?.perS, loads?.p50Ms, loads?.p99Ms], ['loads', 110, 1.55, 2])
    assert.deepEqual([grpc?.name, grpc?.perS, grpc?.p50Ms], ['grpc', 100, 1])
    assert.equal(meter.take(2000, look(100, 50))!.latencies[0]?.p50Ms, undefined)
  })
})
