import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A reply as a test looks at it: what was pushed, and errors, say what they are. */
export type RespValue =
  | string
  | number
  | boolean
  | null
  | readonly RespValue[]
  | { readonly error: string }
  | { readonly push: readonly RespValue[] }
  | { readonly map: readonly RespValue[] }

/** A client of the Redis protocol without any convenience: bytes out, replies in, in the order in which they come. */
export class RespClient {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  static async connect(address: string): Promise<RespClient> {
    const colon = address.lastIndexOf(':')
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
    await once(socket, 'connect')
    return new RespClient(socket)
  }

  send(...args: (string | Uint8Array)[]): void {
    this.socket.write(requestOf(...args))
  }

  /** The next reply, or what was pushed. Rejects when the connection was closed instead. */
  async next(): Promise<RespValue> {
    for (;;) {
      const read = readValue(this.#bytes, 0)
      if (read !== undefined) {
        this.#bytes = this.#bytes.subarray(read.end)
        return read.value
      }
      if (this.#isClosed) throw new Error('The connection was closed')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  call(...args: (string | Uint8Array)[]): Promise<RespValue> {
    this.send(...args)
    return this.next()
  }

  /** Resolves when the server has closed the connection; with what it sent before. */
  async closed(): Promise<string> {
    if (!this.#isClosed) await once(this.socket, 'close')
    return this.#bytes.toString('latin1')
  }

  close(): void {
    this.socket.destroy()
  }
}

export function requestOf(...args: (string | Uint8Array)[]): Buffer {
  const parts = args.map((arg) => Buffer.from(arg as string))
  return Buffer.concat([
    Buffer.from(`*${parts.length}\r\n`),
    ...parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]),
  ])
}

interface Read {
  readonly value: RespValue
  readonly end: number
}

/** Undefined while the reply is not whole. */
function readValue(bytes: Buffer, at: number): Read | undefined {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const type = String.fromCharCode(bytes[at]!)
  const line = bytes.toString('latin1', at + 1, lineEnd)
  const next = lineEnd + 2
  switch (type) {
    case '+':
    case ',':
      return { value: line, end: next }
    case '-':
      return { value: { error: line }, end: next }
    case ':':
      return { value: Number(line), end: next }
    case '#':
      return { value: line === 't', end: next }
    case '_':
      return { value: null, end: next }
    case '$':
    case '=':
      return readBulk(bytes, next, Number(line))
    default:
      return readMany(bytes, next, type, Number(line))
  }
}

function readBulk(bytes: Buffer, at: number, length: number): Read | undefined {
  if (length < 0) return { value: null, end: at }
  if (bytes.length < at + length + 2) return undefined
  return { value: bytes.toString('latin1', at, at + length), end: at + length + 2 }
}

function readMany(bytes: Buffer, at: number, type: string, count: number): Read | undefined {
  if (count < 0) return { value: null, end: at }
  const values: RespValue[] = []
  let end = at
  for (let i = 0; i < (type === '%' ? count * 2 : count); i++) {
    const read = readValue(bytes, end)
    if (read === undefined) return undefined
    values.push(read.value)
    end = read.end
  }
  if (type === '>') return { value: { push: values }, end }
  return { value: type === '%' ? { map: values } : values, end }
}
