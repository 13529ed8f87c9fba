import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectionError, Http2Code } from '../../../../src/main/grpc/http2/errors.js'
import { HpackDecoder } from '../../../../src/main/grpc/http2/hpack-decoder.js'
import { HpackEncoder } from '../../../../src/main/grpc/http2/hpack-encoder.js'
import { BufferPool, OutputBuffer } from '../../../../src/main/sockets/output-buffer.js'
import { randomBytes } from '../../../support/http2-frames.js'
import { Prng } from '../../../support/prng.js'

const LIST_BYTES_MAX = 16_384

function decodeHex(decoder: HpackDecoder, hex: string): readonly string[] {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return decoder.decode(block, 0, block.length).fields
}

function refuses(hex: string, code: keyof typeof Http2Code = 'COMPRESSION_ERROR'): void {
  assert.throws(
    () => decodeHex(new HpackDecoder(LIST_BYTES_MAX), hex),
    (error) => error instanceof ConnectionError && error.code === Http2Code[code],
  )
}

describe('decoder', () => {
  test('requests with Huffman coding (RFC 7541, C.4)', () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX)
    const first = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com']
    assert.deepEqual(decodeHex(decoder, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'), first)
    assert.deepEqual(decodeHex(decoder, '8286 84be 5886 a8eb 1064 9cbf'), [
      ...first,
      'cache-control',
      'no-cache',
    ])
    const third = decodeHex(decoder, '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')
    assert.deepEqual(third.slice(-2), ['custom-key', 'custom-value'])
    assert.equal(decoder.table.sizeBytes, 164)
  })

  test('evicts in the order of insertion (RFC 7541, C.6)', () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX, 256)
    decodeHex(
      decoder,
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    )
    assert.equal(decoder.table.sizeBytes, 222)
    assert.deepEqual(decodeHex(decoder, '4883 640e ffc1 c0bf').slice(0, 2), [':status', '307'])
    assert.equal(decoder.table.count, 4)
    assert.equal(decoder.table.sizeBytes, 222)
  })

  test('an entry larger than the table empties it', () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX, 64)
    decodeHex(decoder, '4001 6101 62')
    assert.equal(decoder.table.count, 1)
    decodeHex(decoder, `4001 6140 ${'62'.repeat(64)}`)
    assert.equal(decoder.table.count, 0)
    assert.equal(decoder.table.sizeBytes, 0)
  })

  test('refuses what is malformed', () => {
    refuses('80') // index 0
    refuses('be') // index 62 of an empty table
    refuses('ff ff ff ff ff 7f') // integer too long
    refuses('ff') // truncated integer
    refuses('40') // no name
    refuses('40 05 61') // string longer than its block
    refuses('82 20') // size update behind a field
    refuses('3f e2 1f') // size update above 4096
    refuses('20 20 20') // three size updates
    refuses('00 81 00 00') // Huffman padding
  })

  test('keeps a list within its limit and decodes on', () => {
    const decoder = new HpackDecoder(100)
    const long = decodeHex(decoder, `4001 6128 ${'62'.repeat(40)} 4001 6328 ${'64'.repeat(40)}`)
    assert.equal(long.length, 2)
    assert.equal(decoder.table.count, 2)
  })

  test('a bomb of references ends the connection', () => {
    const value = '62'.repeat(100)
    refuses(`40 01 61 64 ${value} ${'be'.repeat(600)}`, 'ENHANCE_YOUR_CALM')
  })
})

describe('encoder', () => {
  const constants = (name: string) => name === 'content-type'

  function encode(encoder: HpackEncoder, ...fields: string[]): Buffer {
    const output = new OutputBuffer(new BufferPool())
    encoder.write(fields, output)
    return Buffer.from(output.view())
  }

  test('sends a constant once and names it afterwards', () => {
    const encoder = new HpackEncoder(constants)
    const version = encoder.version
    assert.ok(encode(encoder, ':status', '200', 'content-type', 'application/grpc').length > 10)
    assert.notEqual(encoder.version, version)
    assert.equal(
      encode(encoder, ':status', '200', 'content-type', 'application/grpc').toString('hex'),
      '88be',
    )
    assert.equal(Buffer.from(encoder.template([':status', '200'])).toString('hex'), '88')
  })

  test('gives up its table, and says so, when the peer shrinks it', () => {
    const encoder = new HpackEncoder(constants)
    encode(encoder, 'content-type', 'a')
    encoder.setPeerTableBytes(10)
    assert.equal(encoder.mustAnnounceSize, true)
    const block = encode(encoder, 'content-type', 'a')
    assert.equal(block[0], 0x20)
    assert.equal(encoder.mustAnnounceSize, false)
    const decoder = new HpackDecoder(LIST_BYTES_MAX)
    assert.deepEqual(decoder.decode(block, 0, block.length).fields, ['content-type', 'a'])
  })

  test('never indexes what is secret', () => {
    const block = encode(new HpackEncoder(() => true), 'authorization', 'x')
    assert.equal(block[0]! & 0xf0, 0x10)
  })

  test('random lists come back through the decoder', () => {
    const prng = new Prng(3)
    const encoder = new HpackEncoder((name) => name.length % 2 === 0)
    const decoder = new HpackDecoder(1 << 20)
    for (let round = 0; round < 500; round++) {
      const fields: string[] = []
      for (let count = prng.below(8); count > 0; count--) {
        fields.push(
          `x-${prng.below(40)}`,
          randomBytes(prng, prng.below(prng.below(20) === 0 ? 300 : 12)).toString('latin1'),
        )
      }
      const block = encode(encoder, ...fields)
      assert.deepEqual(decoder.decode(block, 0, block.length).fields, fields)
    }
  })
})
