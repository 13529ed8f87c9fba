import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { CacheError } from '../../shared/errors.js'
import type { HttpAnswer, HttpRequest } from './exchange.js'
import type { Route } from './route.js'

/** What the page is made of lies beside the code of the node: it is served under the paths that it has there. */
const ROOT = new URL('../../', import.meta.url)
const FOLDERS = ['dashboard', 'dashboard/vendor', 'client', 'live']
const FILES = ['shared/errors.js', 'shared/crc32.js']
const PAGE = 'dashboard/index.html'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing but what this address serves is loaded, run or connected to, and no other page may frame this one. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface Asset {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The page to watch the node on, and all that it loads. */
export function dashboardRoutes(): Route[] {
  const assets = readAssets()
  const serve = (path: string, { headers }: HttpRequest): HttpAnswer => {
    const asset = assets.get(path)
    if (asset === undefined) throw new CacheError('NOT_FOUND', 'There is no such file')
    const isKnown = headers.get('if-none-match') === asset.headers.etag
    return isKnown ? { status: 304, headers: asset.headers } : { status: 200, ...asset }
  }
  return [
    { method: 'GET', path: '/', plane: 'control', handle: (request) => serve(PAGE, request) },
    {
      method: 'GET',
      path: '/ui/{file...}',
      plane: 'control',
      handle: (request) => serve(request.parameters.file ?? '', request),
    },
  ]
}

/** By path under {@link ROOT}. Read once: a file that changes on disk is another version of the package. */
function readAssets(): Map<string, Asset> {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, ROOT), { withFileTypes: true })
      .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
      .map(({ name }) => `${folder}/${name}`),
  )
  return new Map([...inFolders, ...FILES].map((path) => [path, readAsset(path)]))
}

function readAsset(path: string): Asset {
  const body = readFileSync(new URL(path, ROOT))
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return {
    body,
    headers: {
      'content-type': TYPES[extname(path)]!,
      // It may be kept, but is asked for again: the next version of the node has the same paths.
      'cache-control': 'no-cache',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      etag,
    },
  }
}
