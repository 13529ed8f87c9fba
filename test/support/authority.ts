import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate and its key, as files. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** A certificate authority of its own, made by openssl, for 127.0.0.1 and localhost. */
export class Authority {
  readonly caFile: string
  readonly #folder: string
  readonly #keyFile: string

  constructor(folder: string) {
    this.#folder = folder
    this.caFile = join(folder, 'ca.pem')
    this.#keyFile = join(folder, 'ca.key')
    openssl('req', '-x509', ...CURVE, '-keyout', this.#keyFile, '-out', this.caFile, '-subj', '/CN=authority')
  }

  issue(name: string): Certificate {
    const [certFile, keyFile] = [join(this.#folder, `${name}.pem`), join(this.#folder, `${name}.key`)]
    const [request, names] = [join(this.#folder, `${name}.csr`), join(this.#folder, `${name}.ext`)]
    writeFileSync(names, 'subjectAltName=DNS:localhost,IP:127.0.0.1')
    openssl('req', ...CURVE, '-keyout', keyFile, '-out', request, '-subj', `/CN=${name}`)
    const by = ['-CA', this.caFile, '-CAkey', this.#keyFile, '-CAcreateserial', '-days', '2']
    openssl('x509', '-req', '-in', request, ...by, '-extfile', names, '-out', certFile)
    return { certFile, keyFile }
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}
