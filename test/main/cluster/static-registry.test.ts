import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { StaticRegistry } from '../../../src/main/cluster/static-registry.js'

describe('StaticRegistry', () => {
  test('tells its list and itself, once', async () => {
    const registry = new StaticRegistry('a:1', ['b:1', 'c:1', 'b:1'])
    const views: ReadonlySet<string>[] = []
    await registry.start((members) => views.push(members))
    assert.deepEqual(views, [new Set(['a:1', 'b:1', 'c:1'])])
    assert.equal(registry.status().members, 3)
    assert.equal(registry.status().state, 'connected')
    await assert.rejects(
      registry.start(() => assert.fail()),
      { code: 'FAILED_PRECONDITION' },
    )
    await registry.close()
    await registry.close()
    assert.equal(registry.status().state, 'closed')
  })

  test('is a node alone without a list', async () => {
    const registry = new StaticRegistry('a:1')
    await registry.start((members) => assert.deepEqual([...members], ['a:1']))
  })

  test('refuses what is no address', () => {
    assert.throws(() => new StaticRegistry('a'), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => new StaticRegistry('a:1', ['b']), { code: 'INVALID_ARGUMENT' })
  })
})
