import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS } from '../../../src/main/resp/limits.js'
import { INCOMPLETE, MALFORMED, RequestParser } from '../../../src/main/resp/parse.js'
import { QueryBuffer } from '../../../src/main/resp/query-buffer.js'
import { Prng, seedOf } from '../../support/prng.js'
import { requestOf } from '../../support/resp-client.js'

const LIMITS = { ...DEFAULT_LIMITS, argCountMax: 64, requestBytesMax: 4096, inlineBytesMax: 1024 }

/** Feeds a parser in pieces, as a connection does; answers the requests, and what was wrong. */
function parseInPieces(bytes: Buffer, pieceOf: () => number): { requests: string[][]; fault?: string } {
  const parser = new RequestParser()
  const query = new QueryBuffer()
  const requests: string[][] = []
  for (let at = 0; at < bytes.length; ) {
    const piece = Math.min(bytes.length - at, pieceOf())
    query.append(bytes.subarray(at, at + piece))
    at += piece
    for (;;) {
      if (query.length === 0) break
      const next = parser.next(query.bytes, query.start, query.end, LIMITS)
      if (next === INCOMPLETE) break
      if (next === MALFORMED) return { requests, fault: parser.fault }
      assert.ok(next > query.start && next <= query.end, 'it reads on, and not beyond the end')
      if (parser.args.length > 0) requests.push(parser.args.map((arg) => arg.toString('latin1')))
      query.consumeTo(next)
    }
    assert.ok(query.length <= LIMITS.requestBytesMax + bytes.length)
  }
  return { requests }
}

function parseOnce(text: string): { requests: string[][]; fault?: string } {
  return parseInPieces(Buffer.from(text, 'latin1'), () => text.length)
}

describe('RequestParser', () => {
  const seed = seedOf()

  it('reads random requests, cut anywhere', () => {
    const random = new Prng(seed)
    for (let round = 0; round < 200; round++) {
      const wanted: string[][] = []
      const parts: Buffer[] = []
      for (let i = random.below(20); i >= 0; i--) {
        const args = Array.from({ length: 1 + random.below(5) }, () => {
          return Buffer.from(
            Array.from({ length: random.below(random.below(8) === 0 ? 300 : 12) }, () => random.below(256)),
          )
        })
        wanted.push(args.map((arg) => arg.toString('latin1')))
        parts.push(requestOf(...args))
        // No request, and no reply.
        if (random.below(6) === 0)
          parts.push(Buffer.from(['*0\r\n', '*-1\r\n', '\r\n', '\n'][random.below(4)]!))
      }
      const { requests, fault } = parseInPieces(
        Buffer.concat(parts),
        () => 1 + random.below(1 + random.below(40)),
      )
      assert.equal(fault, undefined)
      assert.deepEqual(requests, wanted)
    }
  })

  it('never throws, never stands still, whatever comes', () => {
    const random = new Prng(seed)
    const whole = Buffer.concat([
      requestOf('GET', 'g:k'),
      Buffer.from('PING\r\n'),
      requestOf('MGET', 'a', 'b', 'c'),
    ])
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(whole)
      for (let i = random.below(4); i >= 0; i--) bytes[random.below(bytes.length)] = random.below(256)
      parseInPieces(bytes, () => 1 + random.below(20))
    }
  })

  it('says what is wrong as Redis does', () => {
    const faults: readonly (readonly [string, string])[] = [
      ['*65\r\n', 'invalid multibulk length'],
      ['*x\r\n', 'invalid multibulk length'],
      ['*99999999999999999999999999\r\n', 'invalid multibulk length'],
      ['*1\r\n!3\r\n', "expected '$', got '!'"],
      ['*1\r\n$-1\r\n', 'invalid bulk length'],
      ['*1\r\n$536870912\r\n', 'invalid bulk length'],
      ['*1\r\n$3\r\nabcde', 'expected CR LF after a bulk string'],
      ['GET "abc\r\n', 'unbalanced quotes in request'],
      ['GET "a"b\r\n', 'unbalanced quotes in request'],
      ['x'.repeat(1025), 'too big inline request'],
    ]
    for (const [bytes, fault] of faults) {
      assert.deepEqual(
        parseOnce(bytes),
        { requests: [], fault: `Protocol error: ${fault}` },
        bytes.slice(0, 40),
      )
    }
  })

  it('refuses a request whose parts are small and many', () => {
    const many = Buffer.concat(
      Array.from({ length: 50 }, () => Buffer.from(`$100\r\n${'x'.repeat(100)}\r\n`)),
    )
    const { fault } = parseInPieces(Buffer.concat([Buffer.from('*50\r\n'), many]), () => 7)
    assert.equal(fault, 'Protocol error: invalid bulk length')
  })

  it('reads inline commands with quotes', () => {
    const line = `  SET "a\\x41\\n\\"" 'it\\'s' plain  `
    assert.deepEqual(parseOnce(`${line}\r\nPING\n`).requests, [['SET', 'aA\n"', "it's", 'plain'], ['PING']])
  })
})
