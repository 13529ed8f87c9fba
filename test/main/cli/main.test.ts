import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NODE_OPTIONS } from '../../../src/main/config.js'
import { environmentName } from '../../../src/main/option/option.js'
import { Child, type Ended } from '../../support/child.js'
import { tempFolder } from '../../support/temp-folder.js'

const MAIN = new URL('../../../src/main/cli/main.js', import.meta.url)
const ROOT = new URL('../../../../', import.meta.url)

function geekCache(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Child(MAIN, argv, environment).ended
}

describe('geek-cache', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string }
    assert.deepEqual(await geekCache(['--version']), {
      code: 0,
      signal: null,
      stdout: `${version}\n`,
      stderr: '',
    })
  })

  it('names all commands in its help, on stderr with code 2 when there is no command', async () => {
    const help = await geekCache(['--help'])
    assert.equal(help.code, 0)
    for (const name of ['serve', 'get', 'delete', 'stats', 'metrics', 'ring', 'config']) {
      assert.match(help.stdout, new RegExp(`^ {2}${name}\\b`, 'm'))
    }
    assert.deepEqual(await geekCache([]), { ...help, code: 2, stdout: '', stderr: help.stdout })
  })

  it('names all options, their variables and examples in the help of a command', async () => {
    const { code, stdout } = await geekCache(['serve', '--help'])
    assert.equal(code, 0)
    for (const option of Object.values(NODE_OPTIONS)) {
      assert.match(stdout, new RegExp(`--${option.flag}\\s`), option.flag)
      assert.ok(stdout.includes(environmentName(option)!), option.flag)
      assert.ok(stdout.includes(option.help), option.flag)
    }
    assert.match(stdout, /default 127\.0\.0\.1:8001/)
    assert.match(stdout, /Examples:\n {2}geek-cache serve --config/)
    assert.equal((await geekCache(['help', 'serve'])).stdout, stdout)
  })

  for (const [argv, line] of [
    [['srve'], 'Unknown command "srve" (did you mean serve?)'],
    [
      ['unheard-of'],
      'Unknown command "unheard-of": the commands are serve, get, delete, stats, metrics, ring, explain, hot, top, config',
    ],
    [['serve', '--slef', 'a:1'], 'Unknown flag --slef (did you mean --self?)'],
    [['serve', '--workers', '0'], '--workers "0": expected a whole number from 1 to 32'],
    [
      ['serve', '--config', '/nowhere.yaml'],
      'Cannot read the configuration file /nowhere.yaml: no such file',
    ],
    [['serve', '--etcd', 'a:1', '--peers', 'b:1'], '--etcd and --peers exclude each other: leave one out'],
    [['serve', 'now'], 'Unexpected argument "now": usage is geek-cache serve [flags]'],
    [['get', 'scores'], 'KEY is missing: usage is geek-cache get [flags] GROUP KEY'],
  ] as const) {
    it(`answers ${argv.join(' ')} with one line`, async () => {
      const ended = await geekCache(argv)
      assert.deepEqual(ended, { code: 2, signal: null, stdout: '', stderr: `geek-cache: ${line}\n` })
    })
  }
})

describe('geek-cache config', () => {
  const folder = tempFolder()

  it('tells where each part comes from', async () => {
    const cluster = fileURLToPath(new URL('examples/cluster.yaml', ROOT))
    const { code, stdout } = await geekCache(['config', '--config', cluster, '--drain', '1m'], {
      GEEK_CACHE_WORKERS: '3',
    })
    assert.equal(code, 0)
    for (const line of [
      'self: 127.0.0.1:8001 # default',
      `  leaseTtlSeconds: 2 # ${cluster} line 7`,
      'workers: 3 # GEEK_CACHE_WORKERS',
      'drain: 1m # --drain',
    ]) {
      assert.ok(stdout.split('\n').includes(line), `${line} in ${stdout}`)
    }
  })

  it('prints a configuration file that says the same', async () => {
    const cluster = fileURLToPath(new URL('examples/cluster.yaml', ROOT))
    const withoutComments = (text: string) => text.replace(/^ *#.*\n| #.*$/gm, '')
    const first = await geekCache([
      'config',
      '--config',
      cluster,
      '--self',
      '[::1]:9',
      '--log-level',
      'debug',
    ])
    const file = join(mkdtempSync(join(folder, 'again-')), 'again.yaml')
    writeFileSync(file, first.stdout)
    const second = await geekCache(['config', '--config', file])
    rmSync(file)
    assert.equal(withoutComments(second.stdout), withoutComments(first.stdout))
    assert.doesNotMatch(second.stdout, /# default$/m)
  })
})
