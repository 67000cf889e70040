import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Names {
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  /** For example `spiffe://cluster.local/ns/default/sa/shop`. */
  readonly uri?: readonly string[]
  /** Validity from now; negative: expired. Default one day. */
  readonly validMs?: number
}

export interface TestCa {
  /** The CA's certificate, PEM. */
  readonly cert: string
  issue(commonName: string, names: Names): Promise<Certificate>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

/** A certificate authority that lives as long as the test. */
export async function testCa(name = 'meshgate test CA'): Promise<TestCa> {
  x509.cryptoProvider.set(webcrypto as never)
  const keys = await newKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  return {
    cert: root.toString('pem'),
    async issue(commonName, { dns = [], ip = [], uri = [], validMs = DAY_MS }) {
      const own = await newKeys()
      const alternatives = [
        ...dns.map((value) => ({ type: 'dns' as const, value })),
        ...ip.map((value) => ({ type: 'ip' as const, value })),
        ...uri.map((value) => ({ type: 'url' as const, value })),
      ]
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial(),
        subject: `CN=${commonName}`,
        issuer: root.subject,
        notBefore: new Date(Date.now() - 2 * DAY_MS),
        notAfter: new Date(Date.now() + validMs),
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey as never,
        signingKey: keys.privateKey as never,
        extensions: [
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
        ],
      })
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey)
      return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') }
    },
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function serial(): string {
  return `01${randomBytes(8).toString('hex')}`
}
