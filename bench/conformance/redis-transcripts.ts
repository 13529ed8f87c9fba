import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createClient } from 'redis'
import { playTranscript, readTranscripts, transcriptValues } from '../../test/support/transcript.js'
import { freePorts } from '../server-process.js'

const GROUP = 'scores'

/**
 * Holds the conversations that the tests hold with a node with a real redis-server: what is written down there is what
 * Redis answers, too.
 */
export async function compareTranscripts(redisServer: string, folder: string): Promise<string> {
  const [port] = await freePorts(1)
  const flags = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ]
  const child = spawn(redisServer, flags, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const client = createClient({ socket: { host: '127.0.0.1', port: port! } })
  client.on('error', () => {})
  try {
    // It connects again until the server is there.
    await Promise.race([
      client.connect(),
      exited.then(() => Promise.reject(new Error('redis-server exited'))),
    ])
    const transcripts = readTranscripts('resp/as-redis')
    let requests = 0
    for (const steps of transcripts.values()) {
      for (const protocol of [2, 3] as const) {
        for (const [key, of] of Object.entries(transcriptValues())) {
          const { value, ttlMs } = typeof of === 'string' ? { value: of, ttlMs: undefined } : of
          await client.set(`${GROUP}:${key}`, value, ttlMs === undefined ? {} : { PX: ttlMs })
        }
        await playTranscript(`127.0.0.1:${port}`, steps, protocol)
        requests += steps.length
      }
    }
    return `${requests} replies of ${transcripts.size} transcripts, in RESP2 and RESP3`
  } finally {
    client.destroy()
    child.kill('SIGKILL')
    await exited
  }
}
