import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PageGuard } from '../../../src/main/http/page-guard.js'

const allowed = (guard: PageGuard, hosts: readonly string[]) => hosts.filter((host) => guard.allowsHost(host))

const SAFE = [
  '127.0.0.1:8080',
  '127.0.0.1',
  '[::1]:8080',
  '10.1.2.3:80',
  'localhost:8080',
  'LOCALHOST.',
  'app.localhost:1',
]
const NAMES = [
  'evil.example:8080',
  'cache.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evil',
  '[evil]:1',
]

test('on the machine itself, only addresses and localhost are answered', () => {
  for (const listening of ['127.0.0.1', 'localhost', '::1', '127.1.2.3']) {
    const guard = new PageGuard(listening, undefined)
    assert.deepEqual(allowed(guard, SAFE), SAFE)
    assert.deepEqual(allowed(guard, NAMES), [])
    assert.equal(guard.allowsHost(undefined), true, 'a program of HTTP/1.0')
  }
})

test('beyond it any name is, unless some are given', () => {
  assert.deepEqual(allowed(new PageGuard('0.0.0.0', undefined), NAMES), NAMES)
  for (const listening of ['0.0.0.0', '127.0.0.1']) {
    const guard = new PageGuard(listening, ['Cache.example', '.svc.example'])
    assert.deepEqual(allowed(guard, SAFE), SAFE)
    assert.deepEqual(allowed(guard, NAMES), ['cache.example'])
    const below = ['a.svc.example', 'b.a.svc.example:80', 'svc.example', 'a.svc.example.evil']
    assert.deepEqual(allowed(guard, below), below.slice(0, 2))
  }
  assert.equal(new PageGuard('cache.example', []).allowsHost('cache.example:80'), true, 'its own name')
})

test('a name that was refused is refused again, also after one that was allowed', () => {
  const guard = new PageGuard('127.0.0.1', undefined)
  assert.deepEqual(allowed(guard, ['evil', 'localhost', 'evil', 'localhost']), ['localhost', 'localhost'])
})

const refused = (method: string, headers: Record<string, string>) =>
  new PageGuard('0.0.0.0', undefined).refuse(method, new Map(Object.entries({ host: 'node:80', ...headers })))
    ?.status

test('a page of another origin changes nothing', () => {
  for (const method of ['DELETE', 'POST']) {
    assert.equal(refused(method, {}), undefined)
    assert.equal(refused(method, { origin: 'http://node:80', 'sec-fetch-site': 'same-origin' }), undefined)
    for (const origin of [
      'http://evil:80',
      'http://node',
      'null',
      'http://node:80.evil',
      'https://x@node:80',
    ])
      assert.equal(refused(method, { origin }), 403, origin)
    for (const site of ['cross-site', 'same-site'])
      assert.equal(refused(method, { 'sec-fetch-site': site }), 403, site)
  }
  // The browser shows it no answer.
  assert.equal(refused('GET', { origin: 'http://evil' }), undefined)
})

test('a page of another origin has no WebSocket', () => {
  const guard = new PageGuard('127.0.0.1', undefined)
  const status = (headers: Record<string, string>) =>
    guard.refuseWebSocket(new Map(Object.entries(headers)))?.status
  assert.equal(status({ host: '127.0.0.1:1' }), undefined)
  assert.equal(status({ host: '127.0.0.1:1', origin: 'http://127.0.0.1:1' }), undefined)
  assert.equal(status({ host: '127.0.0.1:1', origin: 'http://evil' }), 403)
  assert.equal(status({ host: 'evil:1', origin: 'http://evil:1' }), 403, 'its name was made to point here')
})
