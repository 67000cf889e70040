import { describe, expect, test } from 'vitest'
import { clusterJson, ruleWith, SHOP, scopeOf, target } from './fixture.ts'
import { clusterNames, compileCluster, compileLoadAssignment, dnsCacheConfig, tunnelOf } from './index.ts'

const entry = (resolution: string, more = '', protocol = 'http') => `
kind: ServiceEntry
metadata: {name: ext}
spec:
  hosts: [ext.test]
  resolution: ${resolution}
  ports: [{number: 80, name: ${protocol}}]
  ${more}
`
const EXT = 'outbound|80||ext.test'
const FORWARD = 'envoy.clusters.dynamic_forward_proxy'

describe('names', () => {
  test('are Istio’s: every port of every service, subsets behind, then the general ones; UDP has none', () => {
    const subsets = `
---
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop.test, subsets: [{name: v1}]}
`
    const udp = SHOP.replace('{number: 82, name: tcp}', '{number: 83, name: udp}')
    expect(clusterNames(scopeOf(udp + subsets))).toEqual([
      'outbound|80||shop.test',
      'outbound|80|v1|shop.test',
      'outbound|81||shop.test',
      'outbound|81|v1|shop.test',
      'BlackHoleCluster',
    ])
  })

  test('every name has a cluster, no other name has one', () => {
    const scope = scopeOf(SHOP)
    for (const name of clusterNames(scope)) expect(compileCluster(scope, name)?.message.name).toBe(name)
    for (const name of ['outbound|80||none', 'outbound|99||shop.test', 'outbound|80|v9|shop.test', 'inbound|80||', 'x'])
      expect(compileCluster(scope, name)).toBeUndefined()
  })

  test('the way to undeclared hosts is there when the mesh or the Sidecar allows it', () => {
    const mesh = 'kind: Mesh\nmetadata: {name: m}\nspec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n'
    const sidecar = (mode: string) =>
      `---\nkind: Sidecar\nmetadata: {name: s}\nspec: {outboundTrafficPolicy: {mode: ${mode}}}\n`
    expect(clusterNames(scopeOf(mesh))).toContain('PassthroughCluster')
    expect(clusterNames(scopeOf(mesh + sidecar('REGISTRY_ONLY')))).not.toContain('PassthroughCluster')
    expect(clusterNames(scopeOf(sidecar('ALLOW_ANY')))).toContain('PassthroughCluster')
  })
})

describe('discovery', () => {
  test('STATIC is EDS over the one stream, bounded, under its own name, its assignment right behind', () => {
    const scope = scopeOf(SHOP)
    const name = 'outbound|80||shop.test'
    expect(clusterJson(scope, name)).toMatchObject({
      type: 'EDS',
      edsClusterConfig: {
        serviceName: name,
        edsConfig: { ads: {}, initialFetchTimeout: '4s', resourceApiVersion: 'V3' },
      },
    })
    expect(compileCluster(scope, name)!.children).toEqual([{ type: 'eds', name }])
  })

  const names = 'endpoints: [{address: a.example, ports: {http: 8080}}, {address: b.example}, {address: "unix:///x"}]'

  test('DNS has its names inside; every answer is an endpoint', () => {
    const scope = scopeOf(entry('DNS', names))
    const cluster = clusterJson(scope, EXT)
    expect(cluster.clusterType).toMatchObject({
      name: 'envoy.clusters.dns',
      typedConfig: { respectDnsTtl: true, dnsRefreshRate: '60s', dnsLookupFamily: 'V4_PREFERRED' },
    })
    expect(cluster.loadAssignment.endpoints[0].lbEndpoints).toMatchObject([
      { endpoint: { address: { socketAddress: { address: 'a.example', portValue: 8080 } } } },
      { endpoint: { address: { socketAddress: { address: 'b.example', portValue: 80 } } } },
    ])
    expect(compileCluster(scope, EXT)!.children).toEqual([])
    expect(compileLoadAssignment(scope, EXT)).toBeUndefined()
  })

  test('DNS_ROUND_ROBIN of one name connects to one answer at a time; of several it is DNS', () => {
    const one = (endpoints: string) =>
      clusterJson(scopeOf(entry('DNS_ROUND_ROBIN', endpoints)), EXT).clusterType.typedConfig
        .allAddressesInSingleEndpoint
    expect(one('')).toBe(true)
    expect(one(names)).toBeUndefined()
  })

  test('NONE goes to the authority of HTTP requests, through the DNS cache that the listener shares', () => {
    const cluster = clusterJson(scopeOf(entry('NONE')), EXT)
    expect(cluster).toMatchObject({
      lbPolicy: 'CLUSTER_PROVIDED',
      clusterType: {
        name: FORWARD,
        typedConfig: { dnsCacheConfig: { name: dnsCacheConfig().name }, allowInsecureClusterOptions: true },
      },
    })
    expect(cluster.loadBalancingPolicy).toBeUndefined()
  })

  test('NONE with TLS checks the name of the authority', () => {
    const rule = ruleWith('{tls: {mode: SIMPLE}}').replace('shop.test', 'ext.test')
    const cluster = clusterJson(scopeOf(entry('NONE') + rule), EXT)
    expect(cluster.clusterType.typedConfig.allowInsecureClusterOptions).toBeUndefined()
    expect(cluster.transportSocket.name).toBe('envoy.transport_sockets.tls')
  })

  const places = (scope: ReturnType<typeof scopeOf>, name = EXT) =>
    clusterJson(scope, name).loadAssignment?.endpoints[0].lbEndpoints.map(
      // biome-ignore lint/suspicious/noExplicitAny: free JSON.
      ({ endpoint }: any) => `${endpoint.address.socketAddress.address}:${endpoint.address.socketAddress.portValue}`,
    )

  test('NONE of one name is at that name for what is not HTTP, or at the addresses it says, on its targetPort', () => {
    expect(places(scopeOf(entry('NONE', '', 'tcp')))).toEqual(['ext.test:80'])
    expect(places(scopeOf(entry('NONE', '', 'tls')))).toEqual(['ext.test:80'])
    expect(places(scopeOf(entry('NONE', 'addresses: [10.0.0.1, 10.1.0.0/16, "fd00::1"]', 'tcp')))).toEqual([
      '10.0.0.1:80',
      'fd00::1:80',
    ])
    const ported = (protocol: string) => entry('NONE', '', protocol).replace('number: 80', 'number: 80, targetPort: 81')
    expect(places(scopeOf(ported('tcp')))).toEqual(['ext.test:81'])
    expect(places(scopeOf(ported('http')))).toEqual(['ext.test:81'])
  })

  const ANY = 'outbound|80||*.ext.test'
  const wildcard = (resolution: string, protocol: string) =>
    entry(resolution, '', protocol)
      .replace('ext.test', '"*.ext.test"')
      .replace('number: 80', 'number: 80, targetPort: 81')

  test.each(['NONE', 'DYNAMIC_DNS'])('%s of all names of a domain goes to that of the TLS handshake', (resolution) => {
    expect(clusterJson(scopeOf(wildcard(resolution, 'tls')), ANY).clusterType.name).toBe(FORWARD)
  })

  test('NONE of all names of a domain goes to the original destination of TCP, on its targetPort', () => {
    expect(clusterJson(scopeOf(wildcard('NONE', 'tcp')), ANY)).toMatchObject({
      type: 'ORIGINAL_DST',
      lbPolicy: 'CLUSTER_PROVIDED',
      originalDstLbConfig: { upstreamPortOverride: 81 },
    })
  })

  test('what passes endpoints by keeps the port that was dialled', () => {
    const ported = (resolution: string) =>
      entry(resolution, '', 'tcp').replace('number: 80', 'number: 80, targetPort: 81')
    const rule = ruleWith('{loadBalancer: {simple: PASSTHROUGH}}').replace('shop.test', 'ext.test')
    const passed = clusterJson(scopeOf(ported('STATIC') + rule), EXT)
    expect([passed.type, passed.originalDstLbConfig]).toEqual(['ORIGINAL_DST', undefined])
    const asked = clusterJson(scopeOf(entry('NONE', '', 'tcp') + rule), EXT)
    expect(asked.type).toBe('ORIGINAL_DST')
  })

  test('the general clusters: one without endpoints, one that forwards', () => {
    const scope = scopeOf('')
    expect(clusterJson(scope, 'BlackHoleCluster')).toEqual({
      name: 'BlackHoleCluster',
      type: 'STATIC',
      connectTimeout: '10s',
    })
    expect(clusterJson(scope, 'PassthroughCluster').clusterType.name).toBe(FORWARD)
  })
})

test('a cluster tells dashboards its service, subset and rule', () => {
  const rule = `
---
kind: DestinationRule
metadata: {name: shop, namespace: default}
spec: {host: shop.test, subsets: [{name: v1}]}
`
  expect(clusterJson(scopeOf(SHOP + rule), 'outbound|80|v1|shop.test').metadata.filterMetadata.istio).toEqual({
    config: '/apis/networking.istio.io/v1alpha3/namespaces/default/destination-rule/shop',
    subset: 'v1',
    services: [{ host: 'shop.test', name: 'shop', namespace: 'default' }],
  })
})

test('a cluster names the places that decided it, the policy first', () => {
  const scope = scopeOf(SHOP + ruleWith('{connectionPool: {tcp: {maxConnections: 1}}, loadBalancer: {simple: RANDOM}}'))
  const { origins } = compileCluster(scope, 'outbound|80||shop.test')!
  expect(origins.map(({ object, path }) => `${object.kind} ${path.join('.')}`)).toEqual([
    'DestinationRule spec.trafficPolicy.connectionPool',
    'DestinationRule spec.trafficPolicy.loadBalancer',
    'ServiceEntry spec.hosts.0',
  ])
})

test('the tunnel of a cluster is for listeners', () => {
  const scope = scopeOf(SHOP + ruleWith('{tunnel: {protocol: POST, targetHost: "2001:db8::1", targetPort: 443}}'))
  expect(tunnelOf(scope, ...target(scope, 'shop.test:82'))?.value).toEqual({
    method: 'POST',
    authority: '[2001:db8::1]:443',
  })
  const plain = scopeOf(SHOP + ruleWith('{tunnel: {targetHost: ext.test, targetPort: 443}}'))
  expect(tunnelOf(plain, ...target(plain, 'shop.test:82'))?.value.method).toBe('CONNECT')
})
