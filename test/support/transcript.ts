import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { requestOf } from './resp-client.js'

/** Longest wait for a reply. */
const REPLY_WITHIN_MS = 10_000
const MARKER = 'here the reply has ended'

/** What is expected of one line of a reply, its CR LF left out. */
type Line =
  | { readonly kind: 'bytes' | 'pattern'; readonly text: string }
  /** Whatever else the reply has. */
  | { readonly kind: 'rest' }
  /** No line: the server closes the connection. */
  | { readonly kind: 'closed' }

/** Requests that are sent at once, and what comes back. */
export interface Step {
  /** Of the transcript, for people. */
  readonly at: string
  /** The words of each command; none for bytes that are no command. */
  readonly commands: readonly (readonly string[])[]
  readonly request: Buffer
  /** By version of the protocol. */
  readonly replies: Readonly<Record<2 | 3, readonly Line[]>>
}

/**
 * A conversation in the Redis protocol, to the byte:
 *
 *     # a comment
 *     > GET scores:Tom            a command, sent as an array of bulk strings; several in a row are sent at once
 *     >! *1\r\n$4\r\nPI           bytes, with the escapes of JSON
 *     < $3                        a line of the reply, CR LF behind it; \xNN is a byte
 *     <2 $-1                      … in RESP2 alone; <3 in RESP3
 *     <~ :\d+                     … a pattern of the whole line, for what is different each time
 *     <*                          … whatever else there is to the reply
 *     <x                          … the connection is closed
 */
export function parseTranscript(name: string, text: string): Step[] {
  const steps: Step[] = []
  let begun: { at: string; commands: string[][]; parts: Buffer[]; replies: Record<2 | 3, Line[]> } | undefined
  const finish = () => {
    if (begun !== undefined) steps.push({ ...begun, request: Buffer.concat(begun.parts) })
    begun = undefined
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('>')) {
      if (begun !== undefined && (begun.replies[2].length > 0 || begun.replies[3].length > 0)) finish()
      begun ??= { at: `${name}:${index + 1}`, commands: [], parts: [], replies: { 2: [], 3: [] } }
      if (line.startsWith('>! ')) begun.parts.push(bytesOf(line.slice(3)))
      else {
        const words = wordsOf(line.slice(2))
        begun.commands.push(words)
        begun.parts.push(requestOf(...words.map((word) => Buffer.from(word, 'latin1'))))
      }
      continue
    }
    const match = /^<([23]?)([~*x]?)(?: (.*))?$/.exec(line)
    if (match === null || begun === undefined)
      throw new Error(`${name}:${index + 1} is no line of a transcript`)
    const [, version, sign, rest = ''] = match
    const expected = expectedLine(sign!, rest)
    for (const protocol of [2, 3] as const) {
      if (version === '' || Number(version) === protocol) begun.replies[protocol].push(expected)
    }
  }
  finish()
  return steps
}

/** All transcripts of a folder of test/transcripts, by file. */
export function readTranscripts(folder: string): Map<string, Step[]> {
  const url = new URL(`../../../test/transcripts/${folder}/`, import.meta.url)
  const files = readdirSync(url).filter((name) => name.endsWith('.txt'))
  return new Map(
    files.map((file) => {
      const name = `${folder}/${file}`
      return [name, parseTranscript(name, readFileSync(new URL(file, url), 'utf8'))]
    }),
  )
}

/** The values that the transcripts are about, as a getter answers them. */
export function transcriptValues(): Readonly<Record<string, string | { value: string; ttlMs: number }>> {
  const url = new URL('../../../test/transcripts/resp/values.json', import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8'))
}

/** Holds the conversation with the server at HOST:PORT. Rejects with the first line that differs. */
export async function playTranscript(
  address: string,
  steps: readonly Step[],
  protocol: 2 | 3,
): Promise<void> {
  const colon = address.lastIndexOf(':')
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
  const incoming = new Incoming(socket)
  try {
    await once(socket, 'connect')
    socket.write(Buffer.concat([requestOf('HELLO', String(protocol)), requestOf('ECHO', MARKER)]))
    await incoming.skipTo(MARKER)
    for (const { at, request, replies } of steps) {
      const lines = replies[protocol]
      const hasRest = lines.some(({ kind }) => kind === 'rest')
      socket.write(hasRest ? Buffer.concat([request, requestOf('ECHO', MARKER)]) : request)
      for (const line of lines) await expectLine(incoming, line, `${at}, RESP${protocol}`)
    }
    if (!incoming.isClosed) {
      socket.write(requestOf('ECHO', MARKER))
      const head = await incoming.line()
      if (head !== `$${MARKER.length}`)
        throw new Error(`${steps.at(-1)?.at}, RESP${protocol}: behind the replies there is ${head}`)
    }
  } finally {
    socket.destroy()
  }
}

async function expectLine(incoming: Incoming, line: Line, at: string): Promise<void> {
  if (line.kind === 'rest') {
    await incoming.skipTo(MARKER)
    return
  }
  const is = await incoming.line()
  if (line.kind === 'closed') {
    if (is !== undefined) throw new Error(`${at}: ${JSON.stringify(is)}, not the end of the connection`)
    return
  }
  const fits =
    line.kind === 'bytes'
      ? is === line.text
      : is !== undefined && new RegExp(`^(?:${line.text})$`, 's').test(is)
  if (!fits) throw new Error(`${at}: ${JSON.stringify(is)}, not ${JSON.stringify(line.text)}`)
}

/** What came of the server, line by line; a character stands for a byte. */
class Incoming {
  isClosed = false
  #text = ''
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  /** The next line without its CR LF; undefined when the connection was closed instead. */
  async line(): Promise<string | undefined> {
    const end = await this.#find('\r\n')
    if (end < 0) return undefined
    const line = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 2)
    return line
  }

  /** Passes over everything up to the echo of this text. */
  async skipTo(marker: string): Promise<void> {
    const at = await this.#find(`${marker}\r\n`)
    if (at < 0) throw new Error('the connection was closed')
    this.#text = this.#text.slice(at + marker.length + 2)
  }

  async #find(text: string): Promise<number> {
    const deadline = AbortSignal.timeout(REPLY_WITHIN_MS)
    for (;;) {
      const at = this.#text.indexOf(text)
      if (at >= 0 || this.isClosed) return at
      if (deadline.aborted)
        throw new Error(`no reply within ${REPLY_WITHIN_MS} ms; there is ${JSON.stringify(this.#text)}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }
}

function expectedLine(sign: string, rest: string): Line {
  if (sign === '*') return { kind: 'rest' }
  if (sign === 'x') return { kind: 'closed' }
  if (sign === '~') return { kind: 'pattern', text: rest }
  // Text beyond ASCII is meant as UTF-8.
  return { kind: 'bytes', text: bytesOf(rest).toString('latin1') }
}

/** Bytes of a text with escapes. */
function bytesOf(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-f]{2}|\\[rn\\"])/i).map((part) => {
    if (part.startsWith('\\x')) return Buffer.from(part.slice(2), 'hex')
    const escaped = ({ '\\r': '\r', '\\n': '\n', '\\\\': '\\', '\\"': '"' } as Record<string, string>)[part]
    return Buffer.from(escaped ?? part)
  })
  return Buffer.concat(parts)
}

/** Words divided by spaces; those in double quotes may have spaces and escapes. A character stands for a byte. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    bytesOf(quoted ?? plain!).toString('latin1'),
  )
}
