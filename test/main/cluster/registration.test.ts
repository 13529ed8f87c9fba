import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decodeRegistration,
  encodeRegistration,
  registrationPrefix,
} from '../../../src/main/cluster/registration.js'

describe('registration', () => {
  test('is written as the Go client writes it', () => {
    assert.equal(registrationPrefix('geek-cache'), 'geek-cache/')
    const value = encodeRegistration('127.0.0.1:8001', undefined)
    assert.equal(value.toString(), '{"Op":0,"Addr":"127.0.0.1:8001","Metadata":null}')
    assert.equal(decodeRegistration('127.0.0.1:8001', value), '127.0.0.1:8001')
  })

  test('is read whatever else stands in it', () => {
    for (const rest of ['', ',"Op":1', ',"Metadata":{"a":[1]}', ',"Unknown":true']) {
      const value = Buffer.from(`{"Addr":"[::1]:8001"${rest}}`)
      assert.equal(decodeRegistration('[::1]:8001', value), '[::1]:8001')
    }
  })

  test('is nothing where address and key differ or there is no address', () => {
    const values = [
      '',
      'x',
      '[]',
      '1',
      '"127.0.0.1:8001"',
      '{}',
      '{"Addr":null}',
      '{"Addr":"127.0.0.1:8002"}',
    ]
    for (const value of values)
      assert.equal(decodeRegistration('127.0.0.1:8001', Buffer.from(value)), undefined)
    assert.equal(decodeRegistration('nowhere', Buffer.from('{"Addr":"nowhere"}')), undefined)
    const long = Buffer.from(`{"Addr":"127.0.0.1:8001","Metadata":"${'x'.repeat(65_536)}"}`)
    assert.equal(decodeRegistration('127.0.0.1:8001', long), undefined)
  })
})
