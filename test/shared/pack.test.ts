import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Pack, PackReader, PackWriter, packRuns } from '../../src/shared/pack.js'

test('a pack gives back numbers and bytes in the order in which they were written', () => {
  const writer = new PackWriter(5, 4)
  writer.number(-1.5)
  writer.bytes(Uint8Array.of(1, 2, 3))
  writer.number(Number.POSITIVE_INFINITY)
  writer.bytes(new Uint8Array(0))
  writer.bytes(Uint8Array.of(4))
  const reader = new PackReader(structuredClone(writer.pack))
  assert.equal(reader.number(), -1.5)
  assert.deepEqual(reader.bytes(), Uint8Array.of(1, 2, 3))
  assert.equal(reader.number(), Number.POSITIVE_INFINITY)
  assert.equal(reader.isAtEnd, false)
  assert.deepEqual(reader.bytes(), new Uint8Array(0))
  assert.deepEqual(reader.bytes(), Uint8Array.of(4))
  assert.equal(reader.isAtEnd, true)
})

test('bytes that were read are not those of the pack', () => {
  const writer = new PackWriter(1, 2)
  writer.bytes(Uint8Array.of(7, 7))
  const bytes = new PackReader(writer.pack).bytes()
  new Uint8Array(writer.pack).fill(0)
  assert.deepEqual(bytes, Uint8Array.of(7, 7))
})

test('runs are packed where they stand among the other items', () => {
  const isNumber = (item: number | string): item is number => typeof item === 'number'
  const pack = (run: readonly number[]): Pack => new ArrayBuffer(run.length)
  const packed = packRuns<number | string, number>([1, 2, 'a', 'b', 3, 'c', 4, 5, 6], isNumber, pack)
  const shown = packed.map((item) => (item instanceof ArrayBuffer ? item.byteLength : item))
  assert.deepEqual(shown, [2, 'a', 'b', 1, 'c', 3])
  assert.deepEqual(packRuns([], isNumber, pack), [])
})
