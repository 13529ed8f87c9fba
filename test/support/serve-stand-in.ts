import { createServer } from 'node:net'
import { run } from '../../src/main/cli/run.js'
import { type StartNode, serveCommand } from '../../src/main/cli/serve.js'

/**
 * The command line of `serve` over a node that only listens; with STAND_IN=hang, it never closes.
 */
const startNode: StartNode = async ({ self = '', groups = {}, log }) => {
  if (groups.broken !== undefined) throw new Error('The getter\nis broken')
  log?.info({ groups: Object.keys(groups) }, 'Start')
  const [host, port] = self.split(':')
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(port), host, resolve)
  })
  const address = server.address()
  return {
    addresses: {},
    self: `${host}:${typeof address === 'object' ? address?.port : port}`,
    close: () =>
      new Promise<void>((resolve) => {
        process.stdout.write('closing\n')
        if (process.env.STAND_IN !== 'hang') server.close(() => resolve())
      }),
  }
}

const { env: environment, stdout, stderr } = process
process.exit(await run([serveCommand(startNode)], process.argv.slice(2), { environment, stdout, stderr }))
