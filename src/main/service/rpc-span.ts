import type { SpanSpec } from '../../shared/tracing.js'

/** The span of a call that comes in. @param path `/package.Service/Method` */
export function serverSpan(path: string): SpanSpec {
  return { kind: 'server', name: path.slice(1), attributes: attributesOf(path) }
}

/** The span of a call that goes out. @param address HOST:PORT of its server */
export function clientSpan(path: string, address: string): SpanSpec {
  const colon = address.lastIndexOf(':')
  return {
    kind: 'client',
    name: path.slice(1),
    attributes: {
      ...attributesOf(path),
      'server.address': address.slice(0, colon),
      'server.port': Number(address.slice(colon + 1)),
    },
  }
}

/** As OpenTelemetry's semantic conventions for RPC name them. */
function attributesOf(path: string): Record<string, string> {
  const slash = path.lastIndexOf('/')
  return { 'rpc.system': 'grpc', 'rpc.service': path.slice(1, slash), 'rpc.method': path.slice(slash + 1) }
}
