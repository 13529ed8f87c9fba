import assert from 'node:assert/strict'
import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import type { Getter, GetterContext } from '../../../src/shared/getter.js'
import { createGetter } from '../../../src/worker/origin/json.js'
import { tempFolder } from '../../support/temp-folder.js'

describe('JSON origin', () => {
  const path = join(tempFolder(), 'scores.json')
  const context: GetterContext = {
    group: 'scores',
    keyBytes: new Uint8Array(0),
    signal: new AbortController().signal,
    deadlineMs: Number.POSITIVE_INFINITY,
  }
  let nowMs = 0
  let warnings: string[] = []

  beforeEach(() => {
    nowMs = 0
    warnings = []
  })

  async function open(text: string): Promise<(key: string) => Promise<unknown>> {
    writeFileSync(path, text)
    const getter: Getter = await createGetter(
      { path },
      { clock: { nowMs: () => nowMs }, warn: (message) => warnings.push(message) },
    )
    return async (key) => getter(key, context)
  }

  it('serves texts and numbers as text, other values as JSON, null and missing keys as not found', async () => {
    const get = await open(
      '{ "a": "630", "b": 6.5, "c": true, "d": { "x": [1] }, "e": [], "f": null, "g": "" }',
    )
    const values = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(get))
    assert.deepEqual(values, ['630', '6.5', 'true', '{"x":[1]}', '[]', null, '', null])
  })

  it('does not take what every object has for values', async () => {
    const get = await open('{ "__proto__": "own" }')
    assert.equal(await get('toString'), null)
    assert.equal(await get('__proto__'), 'own')
  })

  it('sees a change of the file, at most once a second', async () => {
    const get = await open('{ "Tom": "630" }')
    writeFileSync(path, '{ "Tom": "7" }')
    nowMs = 999
    assert.equal(await get('Tom'), '630')
    nowMs = 1000
    assert.equal(await get('Tom'), '7')
  })

  it('sees a second change within one tick of the file system', async () => {
    const get = await open('{ "Tom": "630" }')
    const { atime, mtime } = statSync(path)
    writeFileSync(path, '{ "Tom": "631" }')
    utimesSync(path, atime, mtime)
    nowMs = 1000
    assert.equal(await get('Tom'), '631')
  })

  it('reads a change once for all that ask at the same time', async () => {
    const get = await open('{ "Tom": "630" }')
    writeFileSync(path, '{ "Tom": "7" }')
    nowMs = 1000
    assert.deepEqual(await Promise.all([get('Tom'), get('Tom'), get('Tom')]), ['7', '7', '7'])
  })

  for (const [what, damage, reason] of [
    [
      'torn',
      () => writeFileSync(path, '{ "Tom": "63'),
      /is no JSON: .*; the values read before are served on/,
    ],
    ['emptied', () => writeFileSync(path, ''), /is no JSON/],
    ['no object', () => writeFileSync(path, '[1]'), /does not hold a JSON object/],
    ['removed', () => rmSync(path), /Cannot read .*: no such file/],
  ] as const) {
    it(`keeps the last good values of a file that is ${what}, says so once, and recovers`, async () => {
      const get = await open('{ "Tom": "630" }')
      damage()
      for (nowMs of [1000, 2000, 3000]) assert.equal(await get('Tom'), '630')
      assert.equal(warnings.length, 1)
      assert.match(warnings[0]!, reason)
      assert.ok(!warnings[0]!.includes('\n'))
      writeFileSync(path, '{ "Tom": "7" }')
      nowMs = 4000
      assert.equal(await get('Tom'), '7')
    })
  }

  it('refuses to start without a good file', async () => {
    const refused = { name: 'CacheError', code: 'INVALID_ARGUMENT' }
    await assert.rejects(createGetter({ path: '/nowhere.json' }), {
      ...refused,
      message: 'Cannot read /nowhere.json: no such file',
    })
    await assert.rejects(open('{'), { ...refused, message: /scores\.json is no JSON: / })
    await assert.rejects(open('"Tom"'), { ...refused, message: /does not hold a JSON object/ })
    await assert.rejects(createGetter({}), { ...refused, message: 'The JSON origin needs the option "path"' })
  })
})
