/** Versions and algorithms of TLS, by their names in OpenSSL. */
export interface TlsParameters {
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  /** Suites up to TLS 1.2, in order of preference; those of TLS 1.3 cannot be chosen, as in Envoy. */
  readonly cipherSuites?: readonly string[]
  readonly curves?: readonly string[]
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** PEM texts. */
export interface ServerTls extends TlsParameters {
  readonly certificate: string
  readonly privateKey: string
  /** What is asked of clients; absent: no certificate. */
  readonly client?: ClientCheck
  readonly alpn?: readonly string[]
}

/** Which certificates of clients are taken. */
export interface ClientCheck extends PeerCheck {
  /** A client may come without a certificate; one that it shows must hold. */
  readonly optional?: boolean
}

/** What a peer's certificate must be; each that is set must hold. */
export interface PeerCheck {
  /** Authorities, PEM, one of which signed it. */
  readonly ca?: string
  /** Revocation lists of all these authorities, PEM. */
  readonly crl?: string
  /** Names one of which it holds. */
  readonly subjectAltNames?: readonly string[]
  /** SHA-256 of certificates (hex) or of their public keys (base64), one of which is its own. */
  readonly pins?: CertificatePins
  /** Take any certificate, whoever signed it. Default false. */
  readonly insecure?: boolean
}

export interface CertificatePins {
  readonly certificates: readonly string[]
  readonly publicKeys: readonly string[]
}

/** Without `ca` the machine's own authorities are trusted, without `subjectAltNames` the certificate must be for `serverName`. */
export interface ClientTls extends PeerCheck, TlsParameters {
  readonly serverName?: string
  readonly certificate?: string
  readonly privateKey?: string
  readonly alpn?: readonly string[]
}
