import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLog, type LogLevel } from '../../src/main/log.js'
import { CacheError } from '../../src/shared/errors.js'

function linesOf(level: LogLevel, isTTY: boolean): string[] {
  const lines: string[] = []
  const log = createLog(level, { isTTY, write: (line) => lines.push(line) })
  log.debug({ key: 'Tom' }, 'Asked')
  log.info({ self: 'a:1' }, 'Listening')
  return lines
}

describe('createLog', () => {
  it('writes JSON lines where nobody looks', () => {
    const [line, ...others] = linesOf('info', false)
    assert.equal(others.length, 0)
    const { time, ...rest } = JSON.parse(line!) as { time: string }
    assert.deepEqual(rest, { level: 30, self: 'a:1', msg: 'Listening' })
    assert.ok(!Number.isNaN(Date.parse(time)))
  })

  it('writes readable lines on a terminal', () => {
    const [line] = linesOf('info', true)
    assert.match(line!, /INFO.*Listening/)
    assert.throws(() => JSON.parse(line!))
  })

  it('writes what is as important as the level, and nothing else', () => {
    assert.equal(linesOf('debug', false).length, 2)
    assert.equal(linesOf('warn', false).length, 0)
    assert.equal(linesOf('silent', false).length, 0)
  })

  it('writes errors of operation as one line, with their stack only at debug, and faults always with it', () => {
    const lines: string[] = []
    const log = (level: LogLevel) => createLog(level, { isTTY: false, write: (line) => lines.push(line) })
    const err = new CacheError('UNAVAILABLE', 'No etcd\nwithin reach')
    log('info').warn({ err }, 'Alone')
    log('debug').warn({ err }, 'Alone')
    log('info').warn({ err: new TypeError('x') }, 'Fault')
    const [operation, debug, fault] = lines.map((line) => (JSON.parse(line) as { err: unknown }).err)
    assert.equal(operation, 'UNAVAILABLE: No etcd within reach')
    assert.match((debug as Error).stack!, /log\.test/)
    assert.match((fault as Error).stack!, /^TypeError: x\n/)
  })
})
