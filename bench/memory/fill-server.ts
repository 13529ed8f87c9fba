import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { CommandLine } from '../pinning.js'
import { usageOf } from '../process-usage.js'
import { freePorts } from '../server-process.js'
import { entriesOf, type SizesName } from './entries.js'
import type { Filled } from './filled.js'

const LISTENS_WITHIN_MS = 10_000
const BATCH = 500
const SOURCE = 'x'.repeat(64 * 1024)

/** A cache that is a server: how it is started, and its words for "keep" and "how long is". */
export interface CacheServer {
  readonly name: string
  command(program: string, port: number, budgetBytes: number): CommandLine
  set(key: string, value: string): string
  /** Asks for the length of a value. */
  length(key: string): string
  /** Replies, one to each line that it makes; bytes of the value, −1 when it is gone. */
  parseLength(line: string): number
}

export const REDIS_SERVER: CacheServer = {
  name: 'redis',
  command: (program, port, budgetBytes) => [
    program,
    ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ...['--maxmemory', String(budgetBytes), '--maxmemory-policy', 'allkeys-lru'],
  ],
  set: (key, value) => `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`,
  length: (key) => `*2\r\n$6\r\nSTRLEN\r\n$${key.length}\r\n${key}\r\n`,
  // No value here is empty, so 0 is a key that is gone.
  parseLength: (line) => Number(line.slice(1)) || -1,
}

export const MEMCACHED_SERVER: CacheServer = {
  name: 'memcached',
  command: (program, port, budgetBytes) => [
    program,
    ...['-l', '127.0.0.1', '-p', String(port), '-m', String(budgetBytes >> 20)],
    ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
  ],
  set: (key, value) => `set ${key} 0 0 ${value.length}\r\n${value}\r\n`,
  length: (key) => `mg ${key} s\r\n`,
  parseLength: (line) => (line.startsWith('HD s') ? Number(line.slice(4)) : -1),
}

/** Starts it, fills it over its own protocol, counts what it still has, ends it. */
export async function fillServer(
  server: CacheServer,
  program: string,
  budgetBytes: number,
  bytesTotal: number,
  sizes: SizesName,
): Promise<Filled> {
  const [port] = await freePorts(1)
  const [file, ...args] = server.command(program, port!, budgetBytes)
  const child = spawn(file, args, { stdio: 'ignore' })
  try {
    const connection = await Lines.connect(child, port!)
    const before = usageOf(child.pid!).residentBytes
    await inBatches(sizes, bytesTotal, async (entries) => {
      const commands = entries.map(({ key, sizeBytes }) => server.set(key, SOURCE.slice(0, sizeBytes)))
      await connection.ask(commands)
    })
    const after = usageOf(child.pid!).residentBytes
    let entryCount = 0
    let payloadBytes = 0
    await inBatches(sizes, bytesTotal, async (entries) => {
      const replies = await connection.ask(entries.map(({ key }) => server.length(key)))
      replies.forEach((reply, index) => {
        const sizeBytes = server.parseLength(reply)
        if (sizeBytes < 0) return
        entryCount++
        payloadBytes += entries[index]!.key.length + sizeBytes
      })
    })
    connection.close()
    return { residentBytes: after - before, entryCount, payloadBytes }
  } finally {
    child.kill('SIGKILL')
  }
}

async function inBatches(
  sizes: SizesName,
  bytesTotal: number,
  body: (entries: { key: string; sizeBytes: number }[]) => Promise<void>,
): Promise<void> {
  let batch: { key: string; sizeBytes: number }[] = []
  for (const entry of entriesOf(sizes, bytesTotal)) {
    batch.push(entry)
    if (batch.length < BATCH) continue
    await body(batch)
    batch = []
  }
  if (batch.length > 0) await body(batch)
}

/** A connection on which every command is answered by one line. */
class Lines {
  readonly #socket: Socket
  #text = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
  }

  /** Neither server tells when it is ready. */
  static async connect(child: ChildProcess, port: number): Promise<Lines> {
    const deadline = AbortSignal.timeout(LISTENS_WITHIN_MS)
    for (;;) {
      const socket = connect(port, '127.0.0.1')
      const isOpen = await once(socket, 'connect').then(
        () => true,
        () => false,
      )
      if (isOpen) return new Lines(socket)
      socket.destroy()
      if (child.exitCode !== null) throw new Error(`It exited with ${child.exitCode}`)
      if (deadline.aborted) throw new Error(`It did not listen within ${LISTENS_WITHIN_MS} ms`)
      await delay(50)
    }
  }

  async ask(commands: readonly string[]): Promise<string[]> {
    this.#socket.write(commands.join(''), 'latin1')
    const lines: string[] = []
    while (lines.length < commands.length) {
      const end = this.#text.indexOf('\r\n')
      if (end === -1) {
        const [chunk] = (await once(this.#socket, 'data')) as [string]
        this.#text += chunk
      } else {
        lines.push(this.#text.slice(0, end))
        this.#text = this.#text.slice(end + 2)
      }
    }
    return lines
  }

  close(): void {
    this.#socket.destroy()
  }
}
