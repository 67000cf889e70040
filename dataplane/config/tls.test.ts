import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { TransportSocketSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  TlsParameters_TlsProtocol as Protocol,
  CertificateValidationContext_TrustChainVerification as Verification,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { downstreamTls } from './tls.ts'

const inline = (value: string) => ({ specifier: { case: 'inlineString' as const, value } })
const CERTIFICATE = { certificateChain: inline('CERT'), privateKey: inline('KEY') }
interface Context {
  readonly commonTlsContext?: MessageInitShape<typeof CommonTlsContextSchema>
  readonly requireClientCertificate?: boolean
}

/** What a listener with this context asks for, given a secret `root` with authorities and a revocation list. */
function settings({ commonTlsContext, requireClientCertificate = false }: Context) {
  const message = create(DownstreamTlsContextSchema, {
    commonTlsContext: create(CommonTlsContextSchema, { tlsCertificates: [CERTIFICATE], ...commonTlsContext }),
    requireClientCertificate,
  })
  const typed = { case: 'typedConfig' as const, value: anyPack(DownstreamTlsContextSchema, message) }
  const { resolve } = downstreamTls('tls', create(TransportSocketSchema, { configType: typed }))
  const root = create(SecretSchema, {
    name: 'root',
    type: { case: 'validationContext', value: { trustedCa: inline('CA'), crl: inline('CRL') } },
  })
  return resolve((name) => (name === 'root' ? root : undefined))
}

const combined = (defaultValidationContext: object) => ({
  validationContextType: {
    case: 'combinedValidationContext' as const,
    value: { validationContextSdsSecretConfig: { name: 'root' }, defaultValidationContext },
  },
})

const OWN = { certificate: 'CERT', privateKey: 'KEY' }

describe('TLS of a listener', () => {
  it('asks for no certificate where nothing is said of clients', () => expect(settings({})).toEqual(OWN))

  it('asks for one that the authorities signed and did not revoke, with one of the names', () => {
    const names = [1, 2, 3, 4].map((sanType) => ({
      sanType,
      matcher: { matchPattern: { case: 'exact' as const, value: 'spiffe://x/a' } },
    }))
    const commonTlsContext = combined({ matchTypedSubjectAltNames: names })
    expect(settings({ commonTlsContext, requireClientCertificate: true })).toEqual({
      ...OWN,
      client: { ca: 'CA', crl: 'CRL', subjectAltNames: ['spiffe://x/a'] },
    })
  })

  it('lets clients come without one where none is required, and takes any where it is told to', () => {
    const trust = { trustChainVerification: Verification.ACCEPT_UNTRUSTED }
    expect(settings({ commonTlsContext: combined(trust) })).toEqual({
      ...OWN,
      client: { ca: 'CA', crl: 'CRL', insecure: true, optional: true },
    })
  })

  it('waits while authorities or revocation lists it names cannot be read, and does not do without', () => {
    const missing = { specifier: { case: 'filename' as const, value: '/nowhere/ca.pem' } }
    for (const named of [{ trustedCa: missing }, { trustedCa: inline('CA'), crl: missing }]) {
      const commonTlsContext = { validationContextType: { case: 'validationContext' as const, value: named } }
      expect(settings({ commonTlsContext, requireClientCertificate: true })).toBeUndefined()
    }
  })

  it('knows certificates by their hashes, without an authority, too', () => {
    const pins = { verifyCertificateHash: ['aa'], verifyCertificateSpki: ['bb='] }
    const commonTlsContext = { validationContextType: { case: 'validationContext' as const, value: pins } }
    expect(settings({ commonTlsContext })?.client).toEqual({
      pins: { certificates: ['aa'], publicKeys: ['bb='] },
      optional: true,
    })
  })

  it('keeps versions, suites and curves, the better of equal suites first', () => {
    const tlsParams = {
      tlsMinimumProtocolVersion: Protocol.TLSv1_2,
      tlsMaximumProtocolVersion: Protocol.TLSv1_3,
      cipherSuites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]', 'AES128-SHA'],
      ecdhCurves: ['X25519', 'P-256'],
    }
    expect(settings({ commonTlsContext: { tlsParams } })).toEqual({
      ...OWN,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'AES128-SHA'],
      curves: ['X25519', 'P-256'],
    })
  })

  it('refuses what cannot be set up', () => {
    const tlsParams = { ecdhCurves: ['no-such-curve'] }
    expect(() => settings({ commonTlsContext: { tlsParams } })).toThrow(/TLS cannot be set up like this/)
  })
})
