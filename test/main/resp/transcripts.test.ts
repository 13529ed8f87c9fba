import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Node, startNode } from '../../../src/main/node.js'
import { allCommands } from '../../../src/main/resp/commands.js'
import { playTranscript, readTranscripts, transcriptValues } from '../../support/transcript.js'

const TRANSCRIPTS = new Map([...readTranscripts('resp/as-redis'), ...readTranscripts('resp/own')])

describe('Transcripts of the Redis protocol', () => {
  let node: Node
  before(async () => {
    const values = transcriptValues()
    node = await startNode({ self: '127.0.0.1:0', resp: '127.0.0.1:0', workers: 1 })
    await node.group('scores', { maxBytes: 1 << 20, getter: (key) => values[key] ?? null })
  })
  after(() => node.close())

  for (const [name, steps] of TRANSCRIPTS) {
    for (const protocol of [2, 3] as const) {
      it(`${name} is as it was written down, in RESP${protocol}`, () =>
        playTranscript(node.addresses.RESP!, steps, protocol))
    }
  }

  it('leave no command out', () => {
    const asked = new Set(
      [...TRANSCRIPTS.values()]
        .flatMap((steps) => steps.flatMap(({ commands }) => commands))
        .flatMap(([name = '', subcommand = '']) => [name, `${name}|${subcommand}`])
        .map((name) => name.toLowerCase()),
    )
    const all = [...allCommands().values()].flatMap(({ name, subcommands = [] }) => [
      name,
      ...subcommands.map((subcommand) => `${name}|${subcommand.name}`),
    ])
    assert.deepEqual(
      all.filter((name) => !asked.has(name)),
      [],
    )
  })
})
