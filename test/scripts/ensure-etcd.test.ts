import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'

// From dist/test/scripts, where this runs.
const script = new URL('../../../scripts/ensure-etcd.mjs', import.meta.url)
const program = `import { ensureEtcd } from '${script}'; process.stdout.write(ensureEtcd())`

function run(env: Record<string, string>) {
  const args = ['--input-type=module', '--eval', program]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('ensureEtcd', () => {
  test('takes ETCD_BIN before PATH', () => {
    assert.deepEqual(run({ ETCD_BIN: process.execPath, PATH: process.env.PATH ?? '' }), {
      status: 0,
      stdout: process.execPath,
      stderr: '',
    })
  })

  test('finds etcd in PATH', () => {
    const folder = dirname(process.env.ETCD_BIN ?? '')
    assert.equal(run({ PATH: `/nowhere:${folder}` }).stdout, `${folder}/etcd`)
  })

  test('says what to do where there is none and it cannot be installed', () => {
    for (const env of [{ ETCD_BIN: '/nowhere/etcd', PATH: '' }, { PATH: '/nowhere' }]) {
      const { status, stdout, stderr } = run(env as Record<string, string>)
      assert.equal(status, 1)
      assert.equal(stdout, '')
      assert.match(stderr, /apt-get install -y etcd-server[\s\S]*ETCD_BIN/)
    }
  })
})
