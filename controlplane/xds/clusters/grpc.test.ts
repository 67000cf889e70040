import { describe, expect, test } from 'vitest'
import { assignmentJson, clusterJson, ruleWith, SHOP, scopeOf } from './fixture.ts'
import { clusterNames, compileCluster } from './index.ts'

const grpc = { type: 'grpc' as const }
const NAME = 'outbound|81||shop.test'
const json = (policy: string) => clusterJson(scopeOf(SHOP + ruleWith(policy), grpc), NAME)

test('only outbound clusters', () => {
  expect(clusterNames(scopeOf(SHOP, grpc)).every((name) => name.startsWith('outbound|'))).toBe(true)
  expect(compileCluster(scopeOf(SHOP, grpc), 'PassthroughCluster')).toBeUndefined()
})

test('EDS, round robin, a limit of requests, and load reports to us; nothing else', () => {
  expect(Object.keys(json('{outlierDetection: {}, proxyProtocol: {}}'))).toEqual([
    'name',
    'type',
    'edsClusterConfig',
    'circuitBreakers',
    'lrsServer',
  ])
})

test.each([
  ['{simple: ROUND_ROBIN}', undefined],
  ['{simple: LEAST_REQUEST}', undefined],
  ['{simple: RANDOM}', undefined],
  ['{consistentHash: {httpHeaderName: uid}}', 'RING_HASH'],
  ['{consistentHash: {httpHeaderName: uid, maglev: {}}}', 'RING_HASH'],
  ['{consistentHash: {httpHeaderName: uid, ringHash: {minimumRingSize: 64}}}', 'RING_HASH'],
])('load balancer %s', (settings, policy) => {
  expect(json(`{loadBalancer: ${settings}}`).lbPolicy).toBe(policy)
})

test('what gRPC does not know is said', () => {
  const messages = (policy: string) =>
    compileCluster(scopeOf(SHOP + ruleWith(policy), grpc), NAME)!.problems.map((problem) => problem.message)
  expect(messages('{loadBalancer: {consistentHash: {httpHeaderName: uid}}, outlierDetection: {}}')).toEqual([
    'proxyless gRPC clients have no Maglev: they use a hash ring',
    'proxyless gRPC clients do not know outlierDetection',
  ])
  expect(messages('{loadBalancer: {simple: RANDOM}}')).toEqual([
    'proxyless gRPC clients use ROUND_ROBIN instead of RANDOM',
  ])
  expect(messages('{loadBalancer: {consistentHash: {ringHash: {}}}}')).toEqual([])
})

test('localities have weights, and addresses are IP addresses', () => {
  const scope = scopeOf(SHOP.replace('address: 10.0.0.1', 'address: "unix:///x"'), grpc)
  expect(assignmentJson(scope, NAME).endpoints).toMatchObject([
    { locality: {}, loadBalancingWeight: 3, lbEndpoints: [{ loadBalancingWeight: 3 }] },
  ])
})

describe('TLS', () => {
  test('ISTIO_MUTUAL takes the certificates of the bootstrap', () => {
    expect(json('{tls: {mode: ISTIO_MUTUAL}}').transportSocket.typedConfig.commonTlsContext).toEqual({
      tlsCertificateProviderInstance: { instanceName: 'default' },
      validationContext: { caCertificateProviderInstance: { instanceName: 'default' } },
    })
  })

  test('another mode leaves the cluster without endpoints and says why', () => {
    const scope = scopeOf(SHOP + ruleWith('{tls: {mode: SIMPLE}}'), grpc)
    expect(assignmentJson(scope, NAME)).toEqual({ clusterName: NAME })
    expect(compileCluster(scope, NAME)!.problems).toMatchObject([{ code: 'TLS_NOT_FOR_GRPC' }])
  })
})

describe('DNS', () => {
  const dns = (endpoints: string) =>
    scopeOf(SHOP.replace('STATIC', 'DNS').replace(/endpoints:.*/s, `endpoints: ${endpoints}\n`), grpc)

  test('one name is logical DNS', () => {
    expect(clusterJson(dns('[{address: a.example}]'), NAME)).toMatchObject({
      type: 'LOGICAL_DNS',
      loadAssignment: {
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: 'a.example', portValue: 81 } } } }] },
        ],
      },
    })
  })

  test('several are more than gRPC can do', () => {
    const scope = dns('[{address: a.example}, {address: b.example}]')
    expect(clusterJson(scope, NAME).type).toBe('EDS')
    expect(assignmentJson(scope, NAME)).toEqual({ clusterName: NAME })
    expect(compileCluster(scope, NAME)!.problems).toMatchObject([{ code: 'DNS_NOT_FOR_GRPC' }])
  })
})
