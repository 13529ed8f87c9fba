import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Metadata, status } from '@grpc/grpc-js'
import { heldBytesOf, MessageReader, prefixOf } from '../../../src/main/grpc/framing.js'
import { Http2Code } from '../../../src/main/grpc/http2/errors.js'
import { appendMetadata, metadataOfFields } from '../../../src/main/grpc/metadata.js'
import {
  decodeStatusMessage,
  encodeStatusMessage,
  statusOfError,
  statusOfHttp,
  statusOfReset,
} from '../../../src/main/grpc/status.js'
import { formatTimeout, parseTimeout, parseTimeoutBytes } from '../../../src/main/grpc/timeout.js'
import { randomBytes } from '../../support/http2-frames.js'
import { Prng } from '../../support/prng.js'

test('timeouts: every unit, the bounds, and what is malformed', () => {
  const known = {
    '1H': 3_600_000,
    '2M': 120_000,
    '3S': 3000,
    '4m': 4,
    '5u': 0.005,
    '0n': 0,
    '99999999H': 3.6e6 * 99_999_999,
  }
  for (const [text, ms] of Object.entries(known)) {
    assert.ok(Math.abs(parseTimeout(text) - ms) < 1e-9, text)
    const bytes = Buffer.from(`xx${text}`)
    assert.equal(parseTimeoutBytes(bytes, 2, bytes.length), parseTimeout(text))
  }
  for (const text of ['', 'S', '1', '1x', '-1S', '1.5S', '123456789S', '1SS', ' 1S', '1s']) {
    assert.ok(Number.isNaN(parseTimeout(text)), text)
    assert.ok(Number.isNaN(parseTimeoutBytes(Buffer.from(text), 0, text.length)), text)
  }
  for (const ms of [0.001, 1, 20_000, 1e6, 1e9, 1e13]) {
    const parsed = parseTimeout(formatTimeout(ms))
    assert.ok(parsed >= ms * 0.999_999 && parsed <= ms * 1.001 + 0.001, `${ms}: ${parsed}`)
  }
})

describe('status', () => {
  test('messages survive percent-encoding', () => {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈 100%\t\n'
    assert.equal(
      encodeStatusMessage(message),
      '%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88 100%25%09%0A',
    )
    assert.equal(decodeStatusMessage(encodeStatusMessage(message)), message)
    assert.ok(encodeStatusMessage('ü'.repeat(10_000)).length <= 4096)
    assert.equal(encodeStatusMessage('\ud800'), '%EF%BF%BD')
    assert.equal(decodeStatusMessage('50% of %zz'), '50% of %zz')
  })

  test('errors of handlers', () => {
    const metadata = new Metadata()
    assert.deepEqual(statusOfError({ code: 5, details: 'd', metadata }), { code: 5, details: 'd', metadata })
    assert.equal(statusOfError(new Error('m')).details, 'm')
    assert.equal(statusOfError(new Error('m')).code, status.UNKNOWN)
    assert.equal(statusOfError({ code: 99 }).code, status.UNKNOWN)
    assert.equal(statusOfError({ code: 'ENOENT', message: 'm' }).code, status.UNKNOWN)
    assert.equal(statusOfError('thrown').details, 'thrown')
    assert.equal(statusOfError(null).code, status.UNKNOWN)
  })

  test('resets and HTTP answers', () => {
    assert.equal(statusOfReset(Http2Code.REFUSED_STREAM), status.UNAVAILABLE)
    assert.equal(statusOfReset(Http2Code.CANCEL), status.CANCELLED)
    assert.equal(statusOfReset(Http2Code.NO_ERROR), status.INTERNAL)
    assert.equal(statusOfHttp(404), status.UNIMPLEMENTED)
    assert.equal(statusOfHttp(503), status.UNAVAILABLE)
    assert.equal(statusOfHttp(200), status.UNKNOWN)
  })
})

describe('metadata', () => {
  test('binary values come padded or not, several in one field, and go unpadded', () => {
    const metadata = metadataOfFields([
      'a-bin',
      'AA==,AQ',
      'a-bin',
      'AgM',
      'b',
      'x',
      'b',
      'y',
      ':path',
      '/',
      'te',
      'trailers',
    ])
    assert.deepEqual(metadata.get('a-bin'), [Buffer.from([0]), Buffer.from([1]), Buffer.from([2, 3])])
    assert.deepEqual(metadata.get('b'), ['x', 'y'])
    assert.deepEqual(metadata.get('te'), [])
    const fields: string[] = []
    appendMetadata(fields, metadata)
    assert.deepEqual(fields, ['a-bin', 'AA', 'a-bin', 'AQ', 'a-bin', 'AgM', 'b', 'x', 'b', 'y'])
  })

  test('what is no legal metadata is left out', () => {
    const metadata = metadataOfFields(['bad!', 'x', 'tail', 'caf\u00e9', 'good', 'y'])
    assert.deepEqual(metadata.get('good'), ['y'])
  })

  test('trailers of the application cannot overwrite those of the protocol', () => {
    const metadata = new Metadata()
    metadata.set('grpc-status', '0')
    metadata.set('mine', '1')
    const fields: string[] = []
    appendMetadata(fields, metadata)
    assert.deepEqual(fields, ['mine', '1'])
  })
})

test('messages are the same wherever the body is cut', () => {
  const prng = new Prng(7)
  const sent = Array.from({ length: 20 }, (_, index) =>
    randomBytes(prng, index % 5 === 0 ? 0 : prng.below(300)),
  )
  const body = Buffer.concat(
    sent.flatMap((message, index) => [prefixOf(index % 2 === 1, message.length), message]),
  )
  for (let round = 0; round < 100; round++) {
    const received: Buffer[] = []
    const flags: boolean[] = []
    let taken = 0
    const sink = {
      onMessage: (message: Buffer, compressed: boolean) => {
        received.push(message)
        flags.push(compressed)
        taken -= heldBytesOf(message)
      },
      onFault: () => assert.fail(),
    }
    const budget = {
      take: (count: number) => {
        taken += count
        return true
      },
      give: (count: number) => {
        taken -= count
      },
    }
    const reader = new MessageReader(sink, budget, 300)
    for (let offset = 0; offset < body.length; ) {
      const end = Math.min(body.length, offset + 1 + prng.below(60))
      reader.read(body, offset, end)
      offset = end
    }
    assert.deepEqual(received, sent)
    assert.ok(flags.every((compressed, index) => compressed === (index % 2 === 1)))
    assert.equal(taken, 0)
    assert.equal(reader.midMessage, false)
  }
})
