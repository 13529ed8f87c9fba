/**
 * Load with many keys: `frame-load.js HOST:PORT CONNECTIONS STREAMS COUNT GROUP KEYS-FILE`, the keys (a JSON array) in
 * turn. A gRPC client in as few steps as HTTP/2 allows, since it measures servers: it sends prepared frames and reads of
 * answers only whether they have a body. Prints a LoadResult as JSON.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { getRequest } from './get-request.js'

const FRAME_HEADER_BYTES = 9
const Kind = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const
const END_STREAM = 1
const END_HEADERS = 4
const ACK = 1
const WINDOW_BYTES_MAX = 2 ** 31 - 1

function frame(kind: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = kind
  header[4] = flags
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}

/** Header block without Huffman coding and without entries for the dynamic table (RFC 7541 §6.2.2). */
function headerBlock(authority: string): Buffer {
  const text = (value: string) => Buffer.from([value.length, ...Buffer.from(value)])
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text('/pb.GroupCache/Get'),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ])
}

const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(Kind.SETTINGS, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
  frame(Kind.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0xff, 0, 0])),
])

/** The calls of all connections together. */
class Calls {
  readonly latenciesUs: number[] = []
  errorCount = 0
  readonly #requests: readonly Buffer[]
  #left: number
  #turn = 0

  constructor(requests: readonly Buffer[], count: number) {
    this.#requests = requests
    this.#left = count
  }

  /** The next request; undefined when all were sent. */
  next(): Buffer | undefined {
    if (this.#left === 0) return undefined
    this.#left--
    this.#turn = (this.#turn + 1) % this.#requests.length
    return this.#requests[this.#turn]
  }
}

/** One connection with so many calls in flight. */
class Connection {
  readonly done: Promise<void>
  readonly #socket: Socket
  readonly #calls: Calls
  readonly #block: Buffer
  readonly #sentMs = new Map<number, number>()
  readonly #answered = new Set<number>()
  #nextStream = 1
  #pending = Buffer.alloc(0)
  #out: Buffer[] = [PREFACE]
  #receivedBytes = 0

  constructor(address: string, streams: number, calls: Calls) {
    const [host, port] = address.split(':')
    this.#calls = calls
    this.#block = headerBlock(address)
    this.#socket = connect({ host: host!, port: Number(port), noDelay: true })
    this.done = new Promise((resolve, reject) => {
      this.#socket.on('error', reject)
      this.#socket.on('close', () => {
        calls.errorCount += this.#sentMs.size
        resolve()
      })
    })
    this.#socket.on('connect', () => {
      for (let stream = 0; stream < streams; stream++) this.#send()
      this.#flush()
    })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
  }

  #send(): void {
    const request = this.#calls.next()
    if (request === undefined) return
    const stream = this.#nextStream
    this.#nextStream += 2
    this.#out.push(frame(Kind.HEADERS, END_HEADERS, stream, this.#block))
    this.#out.push(frame(Kind.DATA, END_STREAM, stream, request))
    this.#sentMs.set(stream, performance.now())
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3)
      if (bytes.length < end) break
      this.#take(bytes[3]!, bytes[4]!, bytes.readUInt32BE(5), bytes.subarray(FRAME_HEADER_BYTES, end))
      bytes = bytes.subarray(end)
    }
    this.#pending = Buffer.from(bytes)
    if (this.#receivedBytes > WINDOW_BYTES_MAX / 4) {
      const credit = Buffer.alloc(4)
      credit.writeUInt32BE(this.#receivedBytes)
      this.#out.push(frame(Kind.WINDOW_UPDATE, 0, 0, credit))
      this.#receivedBytes = 0
    }
    this.#flush()
    if (this.#sentMs.size === 0) this.#socket.end()
  }

  #take(kind: number, flags: number, stream: number, payload: Buffer): void {
    if (kind === Kind.DATA) {
      this.#receivedBytes += payload.length
      if (payload.length > 0) this.#answered.add(stream)
    }
    if (kind === Kind.SETTINGS && (flags & ACK) === 0)
      this.#out.push(frame(Kind.SETTINGS, ACK, 0, Buffer.alloc(0)))
    if (kind === Kind.PING && (flags & ACK) === 0) this.#out.push(frame(Kind.PING, ACK, 0, payload))
    if (kind === Kind.GOAWAY) this.#socket.end()
    const isEnd = kind === Kind.RST_STREAM || (kind <= Kind.HEADERS && (flags & END_STREAM) !== 0)
    if (isEnd) this.#finish(stream)
  }

  #finish(stream: number): void {
    const sentMs = this.#sentMs.get(stream)
    if (sentMs === undefined) return
    this.#sentMs.delete(stream)
    if (this.#answered.delete(stream)) this.#calls.latenciesUs.push((performance.now() - sentMs) * 1000)
    else this.#calls.errorCount++
    this.#send()
  }

  #flush(): void {
    if (this.#out.length > 0) this.#socket.write(Buffer.concat(this.#out))
    this.#out = []
  }
}

const [address = '', connections = '1', streams = '1', count = '1', group = '', keysFile = ''] =
  process.argv.slice(2)
const keys = JSON.parse(readFileSync(keysFile, 'utf8')) as string[]
const calls = new Calls(
  keys.map((key) => getRequest(group, key)),
  Number(count),
)
const startedMs = performance.now()
const all = Array.from({ length: Number(connections) }, () => new Connection(address, Number(streams), calls))
await Promise.all(all.map(({ done }) => done))
const callsPerSecond = calls.latenciesUs.length / ((performance.now() - startedMs) / 1000)
calls.latenciesUs.sort((a, b) => a - b)
const { latenciesUs, errorCount } = calls
process.stdout.write(
  JSON.stringify({ callCount: latenciesUs.length, errorCount, callsPerSecond, latenciesUs }),
)
