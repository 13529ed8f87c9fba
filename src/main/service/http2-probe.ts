import { type ClientHttp2Session, connect } from 'node:http2'

/**
 * Whether somebody speaks HTTP/2 at an address: true once its SETTINGS have come. Never rejects, and leaves no
 * connection behind.
 *
 * @param address HOST:PORT
 */
export function probeHttp2(address: string, timeoutMs: number): Promise<boolean> {
  let session: ClientHttp2Session
  try {
    session = connect(`http://${address}`)
  } catch {
    // What is no address leads to nobody.
    return Promise.resolve(false)
  }
  return new Promise((resolve) => {
    const end = (speaks: boolean): void => {
      clearTimeout(timer)
      resolve(speaks)
      session.destroy()
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    session.once('remoteSettings', () => end(true))
    session.once('close', () => end(false))
    session.on('error', () => end(false))
  })
}
