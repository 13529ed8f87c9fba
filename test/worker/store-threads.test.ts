import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seedOf } from '../support/prng.js'
import { churnStore } from '../support/store-churn.js'
import { tortureStore } from '../support/store-torture.js'

const TORTURE = { readerCount: 2, budgetBytes: 128 * 1024, valueBytesMax: 6000 }

test('readers in other threads never see a torn value, another key, an older version, or bytes that change', async (t) => {
  const report = await tortureStore({
    ...TORTURE,
    seed: seedOf(),
    policy: 'lru',
    owners: 1,
    ownerLifeMs: 1500,
  })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.hits > 1000 && report.writes > 1000, 'there was a race to be lost')
})

test('nor when the owner is terminated in the middle of writes, again and again', async (t) => {
  const report = await tortureStore({
    ...TORTURE,
    seed: seedOf(),
    policy: 's3fifo',
    owners: 12,
    ownerLifeMs: 40,
  })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.kills === 11 && report.hits > 1000)
})

test('values of 16 bytes to 64 KiB in random order leave four fifths of the memory to payload', (t) => {
  const report = churnStore({
    seed: seedOf(),
    operations: 100_000,
    budgetBytes: 8 << 20,
    policy: 'lru',
    sizeBytesMin: 16,
    sizeBytesMax: 65_536,
  })
  t.diagnostic(JSON.stringify(report))
  assert.ok(report.payloadShareMin >= 0.8, `${report.payloadShareMin}`)
})
