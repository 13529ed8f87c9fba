import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js'
import { registerReflectionService } from '../../../src/main/service/reflection-service.js'
import type { ReflectionRequest, ReflectionResponse } from '../../support/reflection-client.js'

/** Resolves in the next turn of the event loop. */
const turn = promisify(setImmediate)

type Handler = (stream: Duplex) => void

/** The handlers that reflection registers, v1 and v1alpha. */
function handlers(): Handler[] {
  const found: Handler[] = []
  registerReflectionService({
    addService(_: ServiceDefinition, implementation: UntypedServiceImplementation) {
      found.push(implementation.ServerReflectionInfo as unknown as Handler)
    },
  })
  assert.equal(found.length, 2)
  return found
}

/** A client that asks for ever and takes an answer only when it is told to. */
class GreedyClient extends Duplex {
  asked = 0
  answered = 0
  #taken: (() => void) | undefined

  constructor() {
    super({ objectMode: true })
  }

  override _read(): void {
    this.asked++
    this.push({ messageRequest: 'fileContainingSymbol', fileContainingSymbol: 'pb.GroupCache' })
  }

  override _write(_: unknown, __: BufferEncoding, taken: () => void): void {
    this.answered++
    this.#taken = taken
  }

  takeAnswer(): void {
    this.#taken?.()
  }
}

async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await turn()
}

describe('reflection service', () => {
  it('stops reading from a client that does not read its answers, and goes on when it does', async () => {
    for (const handle of handlers()) {
      const client = new GreedyClient()
      handle(client)
      await turns(100)
      const { asked } = client
      assert.ok(asked < 100, `${asked} requests were read`)
      await turns(100)
      assert.equal(client.asked, asked)
      while (client.asked === asked) {
        client.takeAnswer()
        await turn()
      }
      client.destroy()
    }
  })

  it('names the entries of map fields as protobuf prescribes', () => {
    for (const handle of handlers()) {
      const [file] = ask(handle, { file_containing_symbol: 'grpc.health.v1.HealthListResponse' })
      const message = file?.messageType?.find(({ name }) => name === 'HealthListResponse')
      assert.equal(message?.nestedType?.[0]?.name, 'StatusesEntry')
      assert.equal(message?.field?.[0]?.typeName, 'StatusesEntry')
    }
  })
})

/** The files of one answer. */
function ask(handle: Handler, { file_containing_symbol: symbol }: ReflectionRequest): IFileDescriptorProto[] {
  let answer: (ReflectionResponse & { fileDescriptorResponse?: Files }) | undefined
  const stream = new Duplex({
    objectMode: true,
    read() {},
    write(response, _, taken) {
      answer = response
      taken()
    },
  })
  handle(stream)
  stream.emit('data', { messageRequest: 'fileContainingSymbol', fileContainingSymbol: symbol })
  const files = answer?.fileDescriptorResponse?.fileDescriptorProto ?? []
  return files.map((bytes) => descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto)
}

interface Files {
  readonly fileDescriptorProto: readonly Uint8Array[]
}
