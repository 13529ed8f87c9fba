import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Protocol, Reply } from '../../../src/main/resp/compose.js'
import { BufferPool, OutputBuffer } from '../../../src/main/sockets/output-buffer.js'

function written(protocol: Protocol, write: (reply: Reply) => void): string {
  const reply = new Reply(new OutputBuffer(new BufferPool(16, 1)))
  reply.protocol = protocol
  write(reply)
  return reply.out.view().toString('latin1')
}

describe('Reply', () => {
  const cases: readonly (readonly [string, (reply: Reply) => void, string, string])[] = [
    ['ok', (reply) => reply.ok(), '+OK\r\n', '+OK\r\n'],
    ['an error on one line', (reply) => reply.error('ERR a\r\nb'), '-ERR a b\r\n', '-ERR a b\r\n'],
    [
      'integers',
      (reply) => [0, 9, 10, 1234567, -2].map((value) => reply.integer(value)),
      ':0\r\n:9\r\n:10\r\n:1234567\r\n:-2\r\n',
      ':0\r\n:9\r\n:10\r\n:1234567\r\n:-2\r\n',
    ],
    ['bulk', (reply) => reply.bulk(Buffer.from('a\r\nb')), '$4\r\na\r\nb\r\n', '$4\r\na\r\nb\r\n'],
    ['text in UTF-8', (reply) => reply.text('ü'), '$2\r\n\xc3\xbc\r\n', '$2\r\n\xc3\xbc\r\n'],
    ['null', (reply) => reply.null(), '$-1\r\n', '_\r\n'],
    ['null array', (reply) => reply.nullArray(), '*-1\r\n', '_\r\n'],
    ['boolean', (reply) => reply.boolean(true), ':1\r\n', '#t\r\n'],
    ['double', (reply) => reply.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
    ['map', (reply) => reply.map(2), '*4\r\n', '%2\r\n'],
    ['set', (reply) => reply.set(3), '*3\r\n', '~3\r\n'],
    ['push', (reply) => reply.push(2), '*2\r\n', '>2\r\n'],
    ['verbatim', (reply) => reply.verbatim('ab'), '$2\r\nab\r\n', '=6\r\ntxt:ab\r\n'],
  ]
  for (const [what, write, inTwo, inThree] of cases) {
    it(`writes ${what} in both versions`, () => {
      assert.equal(written(2, write), inTwo)
      assert.equal(written(3, write), inThree)
    })
  }
})
