import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import tls from 'node:tls'
import { Client, credentials, ServerCredentials, status } from '@grpc/grpc-js'
import { GrpcServer } from '../../../src/main/grpc/server.js'

const folder = mkdtempSync(join(tmpdir(), 'grpc-tls-'))
const PATH = '/test.Service/Who'
const same = (value: unknown) => value as Buffer

interface Identity {
  readonly key: Buffer
  readonly certificate: Buffer
}

function identityOf(name: string): Identity {
  const key = join(folder, `${name}.key`)
  const certificate = join(folder, `${name}.pem`)
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', certificate, ...subject],
    {
      stdio: 'ignore',
    },
  )
  return { key: readFileSync(key), certificate: readFileSync(certificate) }
}

const first = identityOf('first')
const second = identityOf('second')
const person = identityOf('person')

function serverCredentials(identity: Identity, clients: Buffer | null = null): ServerCredentials {
  const pair = { private_key: identity.key, cert_chain: identity.certificate }
  return ServerCredentials.createSsl(clients, [pair], clients !== null)
}

/** Answers with the common name of the client's certificate. */
async function serve(serverSide: ServerCredentials): Promise<{ server: GrpcServer; port: number }> {
  const server = new GrpcServer()
  const handler = (call: unknown, reply?: (error: null, value: Buffer) => void) => {
    const context = (
      call as { getAuthContext(): { sslPeerCertificate?: { subject: { CN: string } } } }
    ).getAuthContext()
    reply?.(null, Buffer.from(context.sslPeerCertificate?.subject.CN ?? 'nobody'))
  }
  server.register(PATH, handler as never, same, same, 'unary')
  return { server, port: await server.bind('127.0.0.1:0', serverSide) }
}

function ask(port: number, root: Buffer, own?: Identity): Promise<string> {
  const clientSide = credentials.createSsl(root, own?.key ?? null, own?.certificate ?? null)
  const client = new Client(`localhost:${port}`, clientSide)
  return new Promise<string>((resolve, reject) => {
    const deadline = Date.now() + 2000
    client.makeUnaryRequest(PATH, same, same, Buffer.from('?'), { deadline } as never, (error, value) => {
      client.close()
      if (error === null) resolve(value?.toString() ?? '')
      else reject(error)
    })
  })
}

describe('TLS', () => {
  after(() => rmSync(folder, { recursive: true }))

  test('serves, and exchanges its certificate while it does', async () => {
    const { server, port } = await serve(serverCredentials(first))
    assert.equal(await ask(port, first.certificate), 'nobody')
    server.setSecureContext({ key: second.key, cert: second.certificate })
    assert.equal(await ask(port, second.certificate), 'nobody')
    await assert.rejects(ask(port, first.certificate), { code: status.UNAVAILABLE })
    server.forceShutdown()
  })

  test('knows its clients by their certificates, and those alone', async () => {
    const { server, port } = await serve(serverCredentials(first, person.certificate))
    assert.equal(await ask(port, first.certificate, person), 'person')
    await assert.rejects(ask(port, first.certificate), { code: status.UNAVAILABLE })
    await assert.rejects(ask(port, first.certificate, second), { code: status.UNAVAILABLE })
    server.forceShutdown()
  })

  test('speaks to nobody who did not agree on HTTP/2', async () => {
    const { server, port } = await serve(serverCredentials(first))
    const socket = tls.connect({ port, host: '127.0.0.1', ca: first.certificate, servername: 'localhost' })
    socket.on('error', () => {})
    await once(socket, 'close')
    server.forceShutdown()
  })
})
