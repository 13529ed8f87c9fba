import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SnapshotFiles } from '../../src/main/snapshot-files.js'
import { tempFolder } from '../support/temp-folder.js'

describe('SnapshotFiles', () => {
  const directory = tempFolder()
  let nodes = 0

  async function prepared() {
    const self = `127.0.0.1:${++nodes}`
    const files = new SnapshotFiles(directory, self)
    await files.prepare()
    return { files, folder: join(directory, self.replace(':', '_')) }
  }

  it('gives every shard a file, and hands them out once', async () => {
    const { files } = await prepared()
    const names = await files.begin('scores', 3)
    assert.equal(new Set(names).size, 3)
    for (const name of names) writeFileSync(name, 'x')
    const taken = await files.take('scores')
    assert.deepEqual(
      taken.sort(),
      names.map((name) => `${name}.taken`),
    )
    assert.deepEqual(await files.take('scores'), [], 'a start that broke off must not be followed by another')
    assert.ok(taken.every((name) => !existsSync(name)))
  })

  it('clears what a stop with more shards, or one that broke off, left behind', async () => {
    const { files, folder } = await prepared()
    for (const name of await files.begin('scores', 3)) writeFileSync(name, 'old')
    const [first] = await files.begin('scores', 1)
    assert.deepEqual(readdirSync(folder), [])
    writeFileSync(`${first}.tmp`, 'torn')
    assert.deepEqual(await files.take('scores'), [])
    assert.deepEqual(readdirSync(folder), [])
  })

  it('keeps groups with like names, nodes, and files of others apart', async () => {
    const [one, two] = [await prepared(), await prepared()]
    const groups = ['a/b', 'a_b', 'a?b', 'ä'.repeat(200), '..', 'ä'.repeat(201)]
    for (const group of groups) {
      const [name] = await one.files.begin(group, 1)
      writeFileSync(name!, group)
    }
    assert.equal(readdirSync(one.folder).length, groups.length)
    writeFileSync(join(one.folder, 'notes.txt'), 'mine')
    assert.equal((await two.files.take('a/b')).length, 0)
    for (const group of groups) {
      const taken = await one.files.take(group)
      assert.equal(taken.length, 1)
      await one.files.discard(taken)
    }
    assert.deepEqual(readdirSync(one.folder), ['notes.txt'])
  })

  it('says at once that it cannot write', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    mkdirSync(join(directory, 'folder'))
    await assert.rejects(new SnapshotFiles(file, '127.0.0.1:1').prepare(), {
      code: 'INVALID_ARGUMENT',
      message: /^Cannot write snapshots to .+: ENOTDIR$/,
    })
  })
})
