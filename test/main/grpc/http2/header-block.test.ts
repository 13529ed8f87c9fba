import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderBlock } from '../../../../src/main/grpc/http2/header-block.js'

test('fragments that come by different reads make one block', () => {
  const block = new HeaderBlock(100)
  // Every read goes to the same memory.
  const read = Buffer.alloc(8)
  block.begin(1, true, 0)
  read.write('..first.')
  block.add(read, 2, 7)
  read.write('second..')
  block.continue(1, read, 0, 6)
  read.fill(0xee)
  assert.equal(block.finish().toString(), 'firstsecond')
  assert.equal(block.open, false)
})
