import { describe, expect, test } from 'vitest'
import { clusterJson, clusterWith, ruleWith, SHOP, scopeOf } from './fixture.ts'
import { clusterProblems, compileCluster } from './index.ts'

const NAME = 'outbound|80||shop.test'
const TLS = 'envoy.transport_sockets.tls'
const HTTP = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

function tlsOf(cluster: ReturnType<typeof clusterJson>) {
  expect(cluster.transportSocket.name).toBe(TLS)
  return cluster.transportSocket.typedConfig
}

const overAds = { ads: {}, initialFetchTimeout: '4s', resourceApiVersion: 'V3' }

test.each(['{}', '{tls: {}}', '{tls: {mode: DISABLE}}'])('%s is plain text', (policy) => {
  expect(clusterWith(policy).transportSocket).toBeUndefined()
})

describe('SIMPLE', () => {
  test('verifies chain and name against the CA certificates of the machine; the authority is the name', () => {
    const cluster = clusterWith('{tls: {mode: SIMPLE}}')
    expect(tlsOf(cluster)).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      commonTlsContext: {
        tlsParams: { tlsMinimumProtocolVersion: 'TLSv1_2', tlsMaximumProtocolVersion: 'TLSv1_3' },
        combinedValidationContext: {
          defaultValidationContext: {},
          validationContextSdsSecretConfig: {
            name: 'file-root:/etc/ssl/certs/ca-certificates.crt',
            sdsConfig: overAds,
          },
        },
      },
    })
    expect(cluster.typedExtensionProtocolOptions[HTTP]).toMatchObject({
      upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true },
    })
  })

  test('takes CA, revocation list, SNI and names from the rule', () => {
    const cluster = clusterWith(
      `{tls: {mode: SIMPLE, caCertificates: /ca.pem, caCrl: /crl.pem, sni: shop.example, subjectAltNames: [a.example, "spiffe://m/ns/a", 10.0.0.1]}}`,
    )
    const tls = tlsOf(cluster)
    expect(tls.sni).toBe('shop.example')
    expect(tls.commonTlsContext.combinedValidationContext).toEqual({
      defaultValidationContext: {
        matchTypedSubjectAltNames: [
          { sanType: 'DNS', matcher: { exact: 'a.example' } },
          { sanType: 'URI', matcher: { exact: 'spiffe://m/ns/a' } },
          { sanType: 'IP_ADDRESS', matcher: { exact: '10.0.0.1' } },
        ],
      },
      validationContextSdsSecretConfig: { name: 'file-root:/ca.pem~/crl.pem', sdsConfig: overAds },
    })
    expect(cluster.typedExtensionProtocolOptions).toBeUndefined()
  })

  test("names of the ServiceEntry count when the rule gives none, instead of the request's authority", () => {
    const scope = scopeOf(
      SHOP.replace('spec:', 'spec:\n  subjectAltNames: [b.example]') + ruleWith('{tls: {mode: SIMPLE}}'),
    )
    const cluster = clusterJson(scope, NAME)
    expect(tlsOf(cluster).commonTlsContext.combinedValidationContext.defaultValidationContext).toEqual({
      matchTypedSubjectAltNames: [{ sanType: 'DNS', matcher: { exact: 'b.example' } }],
    })
    expect(cluster.typedExtensionProtocolOptions[HTTP].upstreamHttpProtocolOptions).toEqual({ autoSni: true })
  })

  test('service accounts of endpoints count with them, as SPIFFE ids', () => {
    const scope = scopeOf(
      `kind: Mesh
metadata: {name: mesh}
spec: {trustDomain: corp}
---${SHOP.replace('spec:', 'spec:\n  subjectAltNames: [b.example]').replace('version: v1}}', 'version: v1}, serviceAccount: b}\n  - {address: 10.0.0.3, serviceAccount: a}\n  - {address: 10.0.0.4, serviceAccount: b}')}
---
kind: ServiceEntry
metadata: {name: chosen}
spec:
  hosts: [chosen.test]
  resolution: STATIC
  ports: [{number: 80, name: http}]
  workloadSelector: {labels: {app: chosen}}
---
kind: WorkloadEntry
metadata: {name: chosen}
spec: {address: 10.0.0.5, labels: {app: chosen}, serviceAccount: c}
---
kind: DestinationRule
metadata: {name: all}
spec: {host: "*.test", trafficPolicy: {tls: {mode: SIMPLE}}}
`,
    )
    const names = (cluster: string) =>
      tlsOf(
        clusterJson(scope, cluster),
      ).commonTlsContext.combinedValidationContext.defaultValidationContext.matchTypedSubjectAltNames.map(
        ({ matcher }: { matcher: { exact: string } }) => matcher.exact,
      )
    expect(names(NAME)).toEqual(['b.example', 'spiffe://corp/ns/default/sa/a', 'spiffe://corp/ns/default/sa/b'])
    expect(names('outbound|80||chosen.test')).toEqual(['spiffe://corp/ns/default/sa/c'])
  })

  test('insecureSkipVerify verifies nothing', () => {
    const cluster = clusterWith('{tls: {mode: SIMPLE, insecureSkipVerify: true}}')
    expect(tlsOf(cluster).commonTlsContext.validationContext).toEqual({})
    expect(cluster.typedExtensionProtocolOptions[HTTP].upstreamHttpProtocolOptions).toEqual({ autoSni: true })
  })

  test('HTTP/2 upstreams are asked for by ALPN', () => {
    const scope = scopeOf(SHOP + ruleWith('{tls: {mode: SIMPLE}}'))
    expect(tlsOf(clusterJson(scope, 'outbound|81||shop.test')).commonTlsContext.alpnProtocols).toEqual(['h2'])
    expect(tlsOf(clusterJson(scope, NAME)).commonTlsContext.alpnProtocols).toBeUndefined()
  })
})

describe('MUTUAL', () => {
  test('shows a certificate from files', () => {
    const tls = tlsOf(clusterWith('{tls: {mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem}}'))
    expect(tls.commonTlsContext.tlsCertificateSdsSecretConfigs).toEqual([
      { name: 'file-cert:/c.pem~/k.pem', sdsConfig: overAds },
    ])
  })

  test('or from a Secret', () => {
    const { commonTlsContext } = tlsOf(clusterWith('{tls: {mode: MUTUAL, credentialName: shop}}'))
    expect(commonTlsContext.tlsCertificateSdsSecretConfigs).toMatchObject([{ name: 'kubernetes://shop' }])
    expect(commonTlsContext.combinedValidationContext.validationContextSdsSecretConfig).toMatchObject({
      name: 'kubernetes://shop-cacert',
    })
  })
})

test('a Secret may be missing: it is waited for less than files, whose names are always answered', () => {
  const wait = (policy: string) =>
    tlsOf(clusterWith(policy)).commonTlsContext.tlsCertificateSdsSecretConfigs[0].sdsConfig.initialFetchTimeout
  expect(wait('{tls: {mode: MUTUAL, credentialName: shop}}')).toBe('1s')
  expect(wait('{tls: {mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem}}')).toBe('4s')
})

test('an SNI without names is a warning: only the chain is verified', () => {
  const problems = (tls: string) => clusterProblems(scopeOf(SHOP + ruleWith(`{tls: {mode: SIMPLE, ${tls}}}`)))
  // One place, though three ports have it.
  expect(problems('sni: shop.example')).toMatchObject([
    { code: 'TLS_NAME_NOT_CHECKED', severity: 'warning', origin: { path: ['spec', 'trafficPolicy', 'tls'] } },
  ])
  expect(problems('sni: shop.example, subjectAltNames: [shop.example]')).toEqual([])
  expect(problems('caCertificates: /ca.pem')).toEqual([])
})

describe('what cannot be had is refused: no endpoints, no plain text, and a reason at the line', () => {
  test.each([
    ['{tls: {mode: MUTUAL}}', 'TLS_NO_CLIENT_CERTIFICATE'],
    ['{tls: {mode: ISTIO_MUTUAL}}', 'TLS_NO_WORKLOAD_CERTIFICATE'],
    ['{tls: {mode: SIMPLE, credentialName: shop}}', 'TLS_SECRET_NOT_ALLOWED'],
  ])('%s', (policy, code) => {
    const scope = scopeOf(SHOP + ruleWith(policy), { secretsAllowed: false })
    expect(clusterJson(scope, NAME)).toEqual({ name: NAME, type: 'STATIC', connectTimeout: '10s' })
    expect(compileCluster(scope, NAME)!.children).toEqual([])
    expect(compileCluster(scope, NAME)!.problems).toMatchObject([
      { code, severity: 'error', origin: { path: ['spec', 'trafficPolicy', 'tls'] } },
    ])
  })
})

test('ISTIO_MUTUAL takes the workload certificates of the Mesh, and the CA of the rule where it names one', () => {
  const mesh = `\n---\nkind: Mesh\nmetadata: {name: mesh}\nspec: {workloadCertificates: {certificate: /w/cert.pem, privateKey: /w/key.pem, caCertificates: /w/ca.pem}}\n`
  const common = (policy: string) => tlsOf(clusterJson(scopeOf(SHOP + ruleWith(policy) + mesh), NAME)).commonTlsContext
  expect(common('{tls: {mode: ISTIO_MUTUAL}}')).toMatchObject({
    tlsCertificateSdsSecretConfigs: [{ name: 'file-cert:/w/cert.pem~/w/key.pem' }],
    combinedValidationContext: { validationContextSdsSecretConfig: { name: 'file-root:/w/ca.pem' } },
  })
  expect(common('{tls: {mode: ISTIO_MUTUAL, caCertificates: /own.pem}}')).toMatchObject({
    combinedValidationContext: { validationContextSdsSecretConfig: { name: 'file-root:/own.pem' } },
  })
})

test('ISTIO_MUTUAL works with files, and sends the SNI by which gateways route', () => {
  const files = 'clientCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem'
  const tls = tlsOf(clusterWith(`{tls: {mode: ISTIO_MUTUAL, ${files}}}`))
  expect(tls.sni).toBe('outbound_.80_._.shop.test')
  expect(tls.commonTlsContext.tlsCertificateSdsSecretConfigs).toMatchObject([{ name: 'file-cert:/c.pem~/k.pem' }])
})

test('the PROXY protocol wraps TLS or plain text', () => {
  const wrapped = (policy: string) => clusterWith(policy).transportSocket
  expect(wrapped('{proxyProtocol: {version: V2}}')).toMatchObject({
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    typedConfig: { config: { version: 'V2' }, transportSocket: { name: 'envoy.transport_sockets.raw_buffer' } },
  })
  expect(wrapped('{proxyProtocol: {}, tls: {mode: SIMPLE}}').typedConfig).toMatchObject({
    config: {},
    transportSocket: { name: TLS },
  })
})
