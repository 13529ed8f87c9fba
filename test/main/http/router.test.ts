import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpProblem } from '../../../src/main/http/problem.js'
import type { Route } from '../../../src/main/http/route.js'
import { Router } from '../../../src/main/http/router.js'

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  plane: 'both',
  handle: () => ({ status: 204, headers: {} }),
})

const router = new Router([
  route('GET', '/g/{group}/k/{key}'),
  route('DELETE', '/g/{group}/k/{key}'),
  route('GET', '/g/{group}/k/{key}:explain'),
  route('POST', '/g/{group}/k:batch'),
  route('GET', '/g/special/k/{key}'),
  route('GET', '/old/{group}/{key...}'),
  route('GET', '/'),
])

const found = (path: string, method = 'GET') => {
  const match = router.match(method, path)
  return [match.route.path, match.parameters]
}

test('the pattern that says most has the path', () => {
  assert.deepEqual(found('/g/a/k/b'), ['/g/{group}/k/{key}', { group: 'a', key: 'b' }])
  assert.deepEqual(found('/g/a/k/b:explain'), ['/g/{group}/k/{key}:explain', { group: 'a', key: 'b' }])
  assert.deepEqual(found('/g/a/k/b:c'), ['/g/{group}/k/{key}', { group: 'a', key: 'b:c' }])
  assert.deepEqual(found('/g/special/k/b'), ['/g/special/k/{key}', { key: 'b' }])
  assert.deepEqual(found('/g/a/k:batch', 'POST'), ['/g/{group}/k:batch', { group: 'a' }])
  assert.deepEqual(found('/old/a/b/c//d'), ['/old/{group}/{key...}', { group: 'a', key: 'b/c//d' }])
  assert.deepEqual(found('/g/%2F/k/%3Aexplain'), ['/g/{group}/k/{key}', { group: '%2F', key: '%3Aexplain' }])
  assert.deepEqual(found('/', 'HEAD'), ['/', {}])
  assert.deepEqual(found(`/old/a/${'b/'.repeat(100)}`), [
    '/old/{group}/{key...}',
    { group: 'a', key: 'b/'.repeat(100) },
  ])
})

test('what has no route is not found; a method that it lacks is not allowed', () => {
  const refused = (status: number) => (thrown: unknown) =>
    thrown instanceof HttpProblem && thrown.status === status
  for (const path of [
    '/g',
    '/g/a/k/',
    '/g//k/b',
    '/g/a/k/b/',
    '/old/a',
    '/old/a/',
    'g/a/k/b',
    '',
    '/g/a/k/:explain',
  ]) {
    // The last one: a key `:explain`, for there is none before the word.
    if (path === '/g/a/k/:explain') assert.deepEqual(found(path)[0], '/g/{group}/k/{key}')
    else assert.throws(() => found(path), refused(404), path)
  }
  assert.throws(
    () => found('/g/a/k/b', 'PUT'),
    (thrown: unknown) =>
      refused(405)(thrown) && (thrown as HttpProblem).headers.allow === 'DELETE, GET, HEAD',
  )
})
