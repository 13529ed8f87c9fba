import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancel } from '../../src/shared/cancel.js'
import { CacheError } from '../../src/shared/errors.js'
import type { BatchGetterResult } from '../../src/shared/getter.js'
import { type AnyGetter, type GetterCall, runGetter, takesMany } from '../../src/shared/run-getter.js'

const call = (keys: readonly (string | Uint8Array)[], cancel = new Cancel()): GetterCall => ({
  group: 'g',
  keys: keys.map((key) => Buffer.from(key)),
  cancel,
  deadlineMs: 500,
  valueBytesMax: 100,
})

const many = (answer: unknown): AnyGetter => ({ getMany: () => answer as BatchGetterResult })

const texts = async (getter: AnyGetter, keys: readonly string[]): Promise<unknown[]> =>
  (await runGetter(getter, call(keys))).map((outcome) =>
    'code' in outcome ? outcome.code : outcome.value && Buffer.from(outcome.value).toString(),
  )

test('a getter of one key gets its key and context, and its answer is the one outcome', async () => {
  const cancel = new Cancel()
  const outcomes = await runGetter(
    (key, context) => {
      cancel.abort(new Error('over'))
      assert.deepEqual([context.group, context.deadlineMs], ['g', 500])
      assert.deepEqual([...context.keyBytes], [0xff, 0x61])
      assert.equal(context.signal.aborted, true)
      return `value of ${key}`
    },
    call([Buffer.from([0xff, 0x61])], cancel),
  )
  assert.equal(Buffer.from((outcomes[0] as { value: Uint8Array }).value).toString(), 'value of \ufffda')
})

test('a getter of many keys may answer in the order of the keys, or by key', async () => {
  assert.deepEqual(await texts(many(['A', null, { value: 'C', ttlMs: 5 }]), ['a', 'b', 'c']), [
    'A',
    null,
    'C',
  ])
  const map = new Map<string, unknown>([
    ['c', 'C'],
    ['a', { value: 'A' }],
    ['unasked', 'x'],
  ])
  assert.deepEqual(await texts(many(map), ['a', 'b', 'c']), ['A', null, 'C'])
})

test('a missing entry is "not found"; an Error or a value that is none fails its key alone', async () => {
  const answers = [
    undefined,
    new Error('down'),
    42,
    'D',
    new CacheError('UNAVAILABLE', 'later'),
    'x'.repeat(101),
  ]
  assert.deepEqual(await texts(many(answers), ['a', 'b', 'c', 'd', 'e', 'f']), [
    null,
    'UNKNOWN',
    'UNKNOWN',
    'D',
    'UNAVAILABLE',
    'RESOURCE_EXHAUSTED',
  ])
})

test('an answer of another length or kind fails all of its keys', async () => {
  for (const answer of [['A'], ['A', 'B', 'C'], { a: 'A' }, 'AB', null, undefined, 7]) {
    await assert.rejects(runGetter(many(answer), call(['a', 'b'])), { code: 'UNKNOWN', message: /getMany/ })
  }
  await assert.rejects(runGetter({ getMany: () => Promise.reject(new Error('down')) }, call(['a'])), /down/)
})

test('a getter of many keys is called as a method, with the keys as text and as bytes', async () => {
  const source = {
    prefix: 'value of ',
    getMany(keys: readonly string[], context: { keysBytes: readonly Uint8Array[] }): string[] {
      assert.deepEqual(context.keysBytes.map(Buffer.from).map(String), keys)
      return keys.map((key) => this.prefix + key)
    },
  }
  assert.equal(takesMany(source), true)
  assert.equal(
    takesMany(() => null),
    false,
  )
  assert.deepEqual(await texts(source, ['a', 'b']), ['value of a', 'value of b'])
})
