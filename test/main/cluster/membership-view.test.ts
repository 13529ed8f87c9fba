import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MembershipView } from '../../../src/main/cluster/membership-view.js'

function membersOf(view: MembershipView): string {
  return [...view.members].sort().join('')
}

describe('MembershipView', () => {
  test('has this node in it, whatever the registry says', () => {
    const view = new MembershipView('a')
    assert.equal(membersOf(view), 'a')
    view.holdUntil(0)
    view.replace(['b', 'a'])
    view.remove('a')
    assert.ok(view.refresh(1))
    assert.equal(membersOf(view), 'ab')
  })

  test('lets members leave at once while it is settled', () => {
    const view = new MembershipView('a')
    view.holdUntil(0)
    view.replace(['b', 'c'])
    assert.ok(view.refresh(1))
    view.remove('b')
    assert.ok(view.refresh(2))
    assert.equal(membersOf(view), 'ac')
    assert.ok(!view.refresh(3), 'nothing changed')
  })

  test('only grows until it is settled, and is what the registry says from then on', () => {
    const view = new MembershipView('a')
    view.replace(['b', 'c', 'd'])
    view.refresh(1)
    view.holdUntil(100)
    view.replace([])
    assert.ok(!view.refresh(50))
    view.add('c')
    view.add('e')
    assert.ok(view.refresh(99))
    assert.equal(membersOf(view), 'abcde')
    assert.ok(view.refresh(100))
    assert.equal(membersOf(view), 'ace')
  })

  test('holds for ever without a time', () => {
    const view = new MembershipView('a')
    view.add('b')
    view.refresh(0)
    view.holdUntil()
    view.remove('b')
    assert.ok(!view.refresh(Number.MAX_SAFE_INTEGER))
  })

  test('never changes a set that it handed out', () => {
    const view = new MembershipView('a')
    const first = view.members
    view.add('b')
    view.refresh(0)
    assert.deepEqual([...first], ['a'])
    assert.notEqual(view.members, first)
  })
})
