import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Child } from '../../support/child.js'
import { ask, openRaw } from '../../support/http-client.js'

const HOST = new URL('../../fixtures/http-host.js', import.meta.url)

/** With uWebSockets.js open, the end of a thread or of the process aborts it (SIGABRT), unless all is closed before. */
for (const engine of ['uws', 'node'] as const) {
  async function startHost(t: TestContext, how: string) {
    const child = new Child(HOST, [how, engine])
    t.after(() => child.dispose())
    await child.wrote('ready')
    const http = /HTTP at (\S+)/.exec(child.stdout)![1]!
    // Connections that are open, and one that waits for an answer, when the end comes.
    assert.equal((await ask(http, '/v1/groups/g/keys/k')).body.toString(), 'value of k')
    const waiting = await openRaw(http)
    waiting.write('GET /v1/groups/g/keys/hang HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const idle = await openRaw(http)
    t.after(() => {
      waiting.destroy()
      idle.destroy()
    })
    return { child, http, waiting }
  }

  for (const [how, code] of [
    ['exit', 7],
    ['exit while closing', 7],
    ['throw', 1],
    ['reject', 1],
  ] as const) {
    test(`${engine}: a host that ends by ${how} ends as it would without HTTP`, async (t) => {
      const { child } = await startHost(t, how)
      child.process.kill('SIGUSR2')
      const ended = await child.ended
      assert.deepEqual({ code: ended.code, signal: ended.signal }, { code, signal: null }, ended.stderr)
      assert.equal(/uv_loop_close|Assertion|terminate called/.exec(ended.stderr), null, ended.stderr)
    })
  }

  test(`${engine}: a host that a signal ends is ended by that signal`, async (t) => {
    const { child } = await startHost(t, 'nothing')
    child.process.kill('SIGTERM')
    const { code, signal } = await child.ended
    assert.deepEqual({ code, signal }, { code: null, signal: 'SIGTERM' })
  })

  test(`${engine}: a node that is closed keeps no process`, async (t) => {
    const { child, waiting } = await startHost(t, 'close')
    child.process.kill('SIGUSR2')
    waiting.destroy()
    const { code, signal } = await child.ended
    assert.deepEqual({ code, signal }, { code: 0, signal: null })
  })

  test(`${engine}: a getter that ends its thread ends nothing else`, async (t) => {
    const { child, http } = await startHost(t, 'exit')
    const failed = await ask(http, '/v1/groups/g/keys/exit:1')
    assert.equal(failed.status, 503)
    assert.equal(failed.json<{ code: string }>().code, 'UNAVAILABLE')
    assert.equal((await ask(http, '/v1/groups/g/keys/k')).status, 200)
    child.process.kill('SIGUSR2')
    assert.equal((await child.ended).code, 7)
  })
}

test('serve ends with code 0 at SIGTERM, also with connections open', async (t) => {
  const cli = new URL('../../../src/main/cli/main.js', import.meta.url)
  const flags = [
    '--self',
    '127.0.0.1:0',
    '--http',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--http-threads',
    '2',
  ]
  const child = new Child(cli, ['serve', ...flags, '--workers', '1'])
  t.after(() => child.dispose())
  await child.wrote('(HTTP)')
  const idle = await openRaw(/(\S+) \(HTTP\)/.exec(child.stdout)![1]!)
  const gone = once(idle, 'close')
  child.process.kill('SIGTERM')
  const { code, signal } = await child.ended
  assert.deepEqual({ code, signal }, { code: 0, signal: null })
  await gone
})
