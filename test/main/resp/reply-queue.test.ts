import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Reply } from '../../../src/main/resp/compose.js'
import { ReplyQueue, type Settled } from '../../../src/main/resp/reply-queue.js'
import { BufferPool } from '../../../src/main/sockets/output-buffer.js'
import { Prng, seedOf } from '../../support/prng.js'

describe('ReplyQueue', () => {
  const seed = seedOf()

  it('keeps replies in order, whenever they are known', () => {
    const random = new Prng(seed)
    for (let round = 0; round < 200; round++) {
      const queue = new ReplyQueue(new BufferPool(256, 4))
      const open: { readonly index: number; take(settled: Settled): void }[] = []
      let sent = ''
      let wanted = ''
      const settleOne = () => {
        const [{ index, take }] = open.splice(random.below(open.length), 1) as [(typeof open)[number]]
        take({ bytes: 1, write: (reply) => reply.integer(index) })
      }
      for (let index = 0; index < 60; index++) {
        if (random.below(3) === 0) open.push({ index, take: queue.wait(2) })
        else new Reply(queue.tail).integer(index)
        wanted += `:${index}\r\n`
        while (open.length > 0 && random.below(4) === 0) settleOne()
        if (random.below(5) === 0) {
          sent += queue.out.view().toString()
          queue.out.discard()
        }
      }
      while (open.length > 0) settleOne()
      sent += queue.out.view().toString()
      assert.equal(sent, wanted)
      assert.equal(queue.waitingCount, 0)
      queue.out.discard()
      assert.equal(queue.bytes, 0)
    }
  })

  it('writes what a late reply pushes behind it', () => {
    const queue = new ReplyQueue(new BufferPool())
    const take = queue.wait(2)
    new Reply(queue.tail).simple('held')
    take({
      bytes: 0,
      write(reply) {
        reply.simple('late')
        new Reply(queue.tail).simple('pushed')
      },
    })
    assert.equal(queue.out.view().toString(), '+late\r\n+held\r\n+pushed\r\n')
  })

  it('abandons what was settled when the connection goes', () => {
    const queue = new ReplyQueue(new BufferPool())
    let abandoned = 0
    queue.wait(2)
    queue.wait(2)({ bytes: 5, write() {}, abandon: () => abandoned++ })
    assert.equal(queue.bytes, 5)
    queue.clear()
    assert.equal(abandoned, 1)
    assert.equal(queue.bytes, 0)
  })
})
