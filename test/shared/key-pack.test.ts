import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packKeys, unpackKeys } from '../../src/shared/key-pack.js'

test('keys come out of a pack as they went in', () => {
  const keys = ['Tom', '', 'a', '\u{1f600}'.repeat(100)].map((text) => new Uint8Array(Buffer.from(text)))
  assert.deepEqual(unpackKeys(packKeys(keys)), keys)
  assert.deepEqual(unpackKeys(packKeys([])), [])
})
