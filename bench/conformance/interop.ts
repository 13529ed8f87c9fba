import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerProcess } from '../server-process.js'
import { INTEROP_CLIENT } from '../tool.js'
import { type Check, type Served, sourceText } from './check.js'
import { run } from './run.js'

const SERVER = fileURLToPath(new URL('./interop-server.js', import.meta.url))

/** All that grpc-go's client has and that needs no accounts of a cloud. */
const TEST_CASES = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
]

/** gRPC's interop tests: a server of their own on the engine, since they need a service of their own. */
export const INTEROP_CHECK: Check = {
  client: "gRPC's interop tests, by grpc-go",
  tools: [INTEROP_CLIENT],
  run: runInterop,
}

async function runInterop({ folder }: Served, [client]: readonly string[]): Promise<string> {
  const protoFile = join(folder, 'interop.proto')
  writeFileSync(protoFile, sourceText('interop.proto'))
  const server = await ServerProcess.start([process.execPath, SERVER, protoFile])
  try {
    const [host, port] = server.address.split(':')
    const where = [`-server_host=${host}`, `-server_port=${port}`, '-use_tls=false']
    const failures: string[] = []
    for (const testCase of TEST_CASES) {
      const { code, stderr } = await run(client!, [...where, `-test_case=${testCase}`])
      if (code !== 0) failures.push(`${testCase}: ${stderr.trim().split('\n').at(-1)}`)
    }
    if (failures.length > 0) throw new Error(failures.join('; '))
    return `${TEST_CASES.length} tests`
  } finally {
    await server.stop()
  }
}
