/** TLS of a node, server and peer client alike. Files are PEM. */
export interface TlsOptions {
  /** Certificate of the node, with its chain. Its names must cover the host of `self`, by which peers know the node. */
  readonly certFile: string
  readonly keyFile: string
  /** Authorities that certificates of peers, and of clients, must come from. Default: those that Node knows. */
  readonly caFile?: string
  /** mTLS: who connects must show a certificate of `caFile`. Default false. */
  readonly requireClientCert?: boolean
}
