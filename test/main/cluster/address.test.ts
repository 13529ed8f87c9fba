import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAddress } from '../../../src/main/cluster/address.js'
import { CacheError } from '../../../src/shared/errors.js'

describe('parseAddress', () => {
  const good: [string, string, number][] = [
    ['127.0.0.1:8001', '127.0.0.1', 8001],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['localhost:65535', 'localhost', 65535],
    ['cache-1.cache.default.svc.cluster.local:8001', 'cache-1.cache.default.svc.cluster.local', 8001],
    ['my_container:8001', 'my_container', 8001],
    ['example.org.:1', 'example.org.', 1],
    ['[::1]:8001', '::1', 8001],
    ['[2001:db8::7:1]:8001', '2001:db8::7:1', 8001],
  ]
  for (const [text, host, port] of good) {
    test(`reads ${text}`, () => assert.deepEqual(parseAddress(text), { host, port }))
  }

  const bad: [string, RegExp][] = [
    ['', /has no port/],
    ['localhost', /has no port/],
    ['localhost:', /has no port/],
    [':8001', /has no host/],
    ['[::1]', /has no port/],
    ['::1:8001', /needs brackets/],
    ['[127.0.0.1]:8001', /no IPv6 address/],
    ['[]:8001', /no IPv6 address/],
    ['256.0.0.1:8001', /no IPv4 address/],
    ['1.2.3:8001', /no IPv4 address/],
    ['localhost:65536', /port "65536"/],
    ['localhost:08001', /port "08001"/],
    ['localhost:-1', /port "-1"/],
    ['localhost:80x', /port "80x"/],
    ['localhost: 80', /port " 80"/],
    ['http://localhost:80', /needs brackets|neither/],
    ['a/b:80', /neither an IP address nor a DNS name/],
    ['-a:80', /neither/],
    ['a..b:80', /neither/],
    [`${'a'.repeat(64)}:80`, /neither/],
    [`${'a.'.repeat(500)}a:80`, /too long/],
    ['a\u0000b:80', /neither/],
    ['bücher.example:80', /neither/],
  ]
  for (const [text, message] of bad) {
    test(`refuses ${JSON.stringify(text).slice(0, 40)}`, () => {
      assert.throws(
        () => parseAddress(text),
        (thrown) =>
          thrown instanceof CacheError && thrown.code === 'INVALID_ARGUMENT' && message.test(thrown.message),
      )
    })
  }
})
