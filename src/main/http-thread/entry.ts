import { parentPort, workerData } from 'node:worker_threads'
import { attach } from '../../attach/attach.js'
import { AttachedNodeView } from '../../attach/attached-node-view.js'
import { assert } from '../../shared/assert.js'
import { systemClock } from '../../shared/clock.js'
import { CacheError } from '../../shared/errors.js'
import { EventLoopMeter } from '../../shared/event-loop-meter.js'
import { Hits } from '../http/hits.js'
import { everyInterval } from '../http/live/every-interval.js'
import { loadUws } from '../http/load-uws.js'
import { NodeHttpServer } from '../http/node-http-server.js'
import { PageGuard } from '../http/page-guard.js'
import type { HttpServer, HttpServerOptions } from '../http/server.js'
import { newSurface } from '../http/surface.js'
import { UwsServer } from '../http/uws-server.js'
import type { Log } from '../node-options.js'
import { TlsFiles } from '../tls-files.js'
import { EndFlag } from './end-flag.js'
import type { HttpThreadEvent, HttpThreadOrder, HttpThreadSpec } from './http-thread-spec.js'

/** How often what is kept ready is let go. */
const FORGET_INTERVAL_MS = 5000

/** A server, and why it is not uWebSockets.js when it could have been. */
interface Chosen {
  readonly server: HttpServer
  readonly reason?: string
}

/**
 * Main program of a front thread. No user code runs here, nothing may end it but its main thread: with uWebSockets.js
 * open, that would end the process.
 */
async function serve(port: NonNullable<typeof parentPort>, spec: HttpThreadSpec): Promise<void> {
  const tell = (event: HttpThreadEvent): void => port.postMessage(event)
  const log = relayTo(tell)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (thrown) => log.error({ err: stackOf(thrown) }, 'Fault in a front thread'))
  }
  const cache = await attach(spec.handle)
  let { isReady } = spec
  cache.metrics.setRole('http')
  const meter = new EventLoopMeter(cache.metrics)
  const metrics = cache.metrics.front('http')
  const hits = new Hits(cache, cache.pin)
  const node = new AttachedNodeView(cache)
  const live = {
    groups: cache,
    hot: cache,
    pin: cache.pin,
    node,
    invalidations: cache,
    clock: systemClock,
    every: everyInterval,
    metrics: cache.metrics.front('ws'),
  }
  const parts = { groups: cache, node, isReady: () => isReady, hits, live }
  const forget = setInterval(() => hits.forget(), FORGET_INTERVAL_MS).unref()
  const options = {
    ...newSurface(parts, spec.planes),
    hits,
    guard: new PageGuard(spec.host, spec.hosts),
    log,
    metrics,
    ...(spec.tls && { tls: spec.tls }),
  }
  let server: HttpServer | undefined
  let identity: TlsFiles | undefined
  const end = (): void => {
    server?.close()
    identity?.close()
    clearInterval(forget)
    meter.close()
    cache.close()
    port.close()
    // What was closed needs a turn of the event loop to be gone.
    setImmediate(() => setImmediate(() => new EndFlag(spec.ended).raise()))
  }
  port.on('message', async (order: HttpThreadOrder) => {
    if (order.kind === 'ready') isReady = order.isReady
    else if (order.kind === 'close') end()
    else {
      await server?.shutdown(order.graceMs)
      end()
    }
  })
  try {
    identity = spec.tls && new TlsFiles(spec.tls, log)
    const chosen = await choose(spec.engine, { ...options, ...(identity && { identity }) })
    server = chosen.server
    const listening = await server.listen(spec.host, spec.port, spec.isShared)
    const { reason } = chosen
    tell({ kind: 'up', port: listening, engine: server.engine, ...(reason !== undefined && { reason }) })
  } catch (thrown) {
    const { code, message } = CacheError.from(thrown, 'INTERNAL')
    tell({ kind: 'failed', failure: { code, message } })
    end()
  }
}

async function choose(engine: HttpThreadSpec['engine'], options: HttpServerOptions): Promise<Chosen> {
  if (engine === 'node') return { server: new NodeHttpServer(options) }
  try {
    return { server: new UwsServer(await loadUws(), options) }
  } catch (thrown) {
    const reason = CacheError.from(thrown).message.split('\n')[0]!
    if (engine === 'uws') {
      throw new CacheError('FAILED_PRECONDITION', `uWebSockets.js cannot be loaded: ${reason}`)
    }
    return { server: new NodeHttpServer(options), reason }
  }
}

/** A log whose lines the main thread writes. */
function relayTo(tell: (event: HttpThreadEvent) => void): Log {
  const relay = (level: keyof Log) => (fields: object, message: string) =>
    tell({ kind: 'log', level, fields, message })
  return { debug: relay('debug'), info: relay('info'), warn: relay('warn'), error: relay('error') }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

assert(parentPort, 'This is the program of a thread')
await serve(parentPort, workerData as HttpThreadSpec)
