import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pinning } from '../pinning.js'
import { freePorts, ServerProcess } from '../server-process.js'

const READY_TRIES = 100
const READY_PAUSE_MS = 50

/** nginx as one process that serves files: `/<size>` is a file of so many bytes, kept open. */
export async function startNginx(
  program: string,
  folder: string,
  sizes: readonly number[],
  pinning: Pinning,
): Promise<ServerProcess> {
  const [port] = await freePorts(1)
  const root = join(folder, 'nginx')
  mkdirSync(root, { recursive: true })
  for (const size of sizes) writeFileSync(join(root, String(size)), Buffer.alloc(size, 'x'))
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configOf(root, port!))
  // It says nothing when it is ready: by the shell's word it is about to be, as the process that the shell becomes.
  const start = 'echo "listens on $3"; exec "$0" -c "$1" -p "$2"'
  const address = `127.0.0.1:${port}`
  const server = await ServerProcess.start(
    pinning.server(['sh', '-c', start, program, config, root, address]),
  )
  await answers(`http://${address}/${sizes[0]}`)
  return server
}

async function answers(url: string): Promise<void> {
  for (let left = READY_TRIES; ; left--) {
    try {
      await (await fetch(url)).arrayBuffer()
      return
    } catch (thrown) {
      if (left === 0) throw thrown
      await delay(READY_PAUSE_MS)
    }
  }
}

function configOf(root: string, port: number): string {
  return `
daemon off;
master_process off;
worker_processes 1;
error_log stderr crit;
pid ${root}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=100 inactive=1h;
  default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`
}
