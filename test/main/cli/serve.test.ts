import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { failureLine } from '../../../src/main/cli/serve.js'
import { Child } from '../../support/child.js'
import { tempFolder } from '../../support/temp-folder.js'

const STAND_IN = new URL('../../support/serve-stand-in.js', import.meta.url)

describe('geek-cache serve', () => {
  const folder = tempFolder()
  const children: Child[] = []

  afterEach(() => {
    for (const child of children.splice(0)) child.dispose()
  })

  function serve(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Child {
    const child = new Child(STAND_IN, ['serve', ...argv], environment)
    children.push(child)
    return child
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`closes and exits with 0 on ${signal}`, async () => {
      const child = serve(['--self', '127.0.0.1:0'])
      await child.wrote('geek-cache listens on 127.0.0.1:')
      assert.doesNotMatch(child.stdout, /:0 /)
      child.process.kill(signal)
      const { code, stdout } = await child.ended
      assert.equal(code, 0)
      assert.match(stdout, /closing/)
    })
  }

  it('exits at once on a second signal', async () => {
    const child = serve(['--self', '127.0.0.1:0'], { STAND_IN: 'hang' })
    await child.wrote('listens')
    child.process.kill('SIGTERM')
    await child.wrote('closing')
    child.process.kill('SIGINT')
    assert.equal((await child.ended).code, 130)
  })

  it('makes the groups of the file and logs JSON lines where nobody looks', async () => {
    writeFileSync(join(folder, 'scores.json'), '{}')
    const config = join(folder, 'node.yaml')
    writeFileSync(
      config,
      'self: 127.0.0.1:0\ngroups: { scores: { maxBytes: 1MiB, origin: { json: scores.json } } }\n',
    )
    const child = serve([], { GEEK_CACHE_CONFIG: config })
    await child.wrote('groups: scores')
    child.process.kill('SIGTERM')
    const { stderr } = await child.ended
    const [line] = stderr.split('\n')
    assert.deepEqual((JSON.parse(line!) as { groups: string[] }).groups, ['scores'])
  })

  it('says in one line that the address is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const self = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, stderr, stdout } = await serve(['--self', self, '--log-level', 'silent']).ended
    server.close()
    assert.deepEqual(
      { code, stderr, stdout },
      {
        code: 1,
        stdout: '',
        stderr: `geek-cache: ${self} is in use by another process: choose another address\n`,
      },
    )
  })

  it('says in one line why the node cannot start', async () => {
    writeFileSync(join(folder, 'scores.json'), '{}')
    const config = join(folder, 'broken.yaml')
    writeFileSync(config, 'groups: { broken: { maxBytes: 1MiB, origin: { json: scores.json } } }\n')
    const { code, stderr, stdout } = await serve(['--config', config, '--self', '127.0.0.1:0']).ended
    assert.deepEqual(
      { code, stderr, stdout },
      { code: 1, stderr: 'geek-cache: The getter is broken\n', stdout: '' },
    )
  })

  it('says in one line, with the line of the file, what is wrong with the configuration', async () => {
    const config = join(folder, 'typo.yaml')
    writeFileSync(config, 'self: 127.0.0.1:0\nwrokers: 3\n')
    const { code, stderr } = await serve(['--config', config]).ended
    const line = `geek-cache: ${config} line 2: wrokers: unknown key (did you mean workers?)\n`
    assert.deepEqual({ code, stderr }, { code: 2, stderr: line })
  })
})

describe('failureLine', () => {
  it('finds the system error behind what wraps it', () => {
    const cause = Object.assign(new Error('listen'), { code: 'EADDRNOTAVAIL', address: '10.9.9.9', port: 1 })
    assert.match(failureLine(new Error('No', { cause })), /^10\.9\.9\.9:1 is no address of this machine/)
  })

  it('takes any message as one line', () => assert.equal(failureLine(new Error('a\n  b\n')), 'a b'))
})
