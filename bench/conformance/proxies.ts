import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CommandLine } from '../pinning.js'
import { freePorts } from '../server-process.js'
import { HAPROXY, NGINX } from '../tool.js'
import type { Check, Served } from './check.js'
import { runGrpcJs } from './grpc-js-client.js'

const LISTENS_WITHIN_MS = 10_000

/** Proxies that speak HTTP/2 to the node, with a client before them. */
export const PROXY_CHECKS: readonly Check[] = [
  {
    client: 'grpc-js through nginx (grpc_pass)',
    tools: [NGINX],
    run: (served, [nginx]) =>
      throughProxy(served, nginxConfig, (file) => [nginx!, '-p', served.folder, '-c', file]),
  },
  {
    client: 'grpc-js through haproxy (proto h2)',
    tools: [HAPROXY],
    run: (served, [haproxy]) => throughProxy(served, haproxyConfig, (file) => [haproxy!, '-db', '-f', file]),
  },
]

async function throughProxy(
  served: Served,
  configOf: (port: number, served: Served) => string,
  commandOf: (file: string) => CommandLine,
): Promise<string> {
  const [port] = await freePorts(1)
  const file = join(served.folder, 'proxy.conf')
  writeFileSync(file, configOf(port!, served))
  const [program, ...args] = commandOf(file)
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (chunk) => {
    output = (output + chunk).slice(-1000)
  })
  const exited = once(child, 'exit')
  try {
    await Promise.race([
      listens(port!),
      exited.then(([code]) => Promise.reject(new Error(`the proxy exited with ${code}: ${output.trim()}`))),
    ])
    return await runGrpcJs(`127.0.0.1:${port}`, served)
  } finally {
    child.kill('SIGTERM')
    await Promise.race([exited, delay(2000, undefined, { ref: false })])
    child.kill('SIGKILL')
  }
}

/** Neither proxy tells when it is ready. */
async function listens(port: number): Promise<void> {
  const deadline = AbortSignal.timeout(LISTENS_WITHIN_MS)
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    if (deadline.aborted) throw new Error(`the proxy did not listen within ${LISTENS_WITHIN_MS} ms`)
    await delay(50)
  }
}

function nginxConfig(port: number, { address, folder }: Served): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    daemon off; master_process off;
    pid ${folder}/nginx.pid; error_log stderr;
    events {}
    http {
      access_log off;
      ${folders.map((name) => `${name}_temp_path ${folder}/nginx-${name};`).join(' ')}
      upstream node { server ${address}; keepalive 4; }
      server { listen 127.0.0.1:${port} http2; location / { grpc_pass grpc://node; } }
    }
  `
}

function haproxyConfig(port: number, { address }: Served): string {
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend grpc
  bind 127.0.0.1:${port} proto h2
  default_backend node
backend node
  server node ${address} proto h2
`
}
