import { fromBinary, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { encode } from '../../../proto/make.ts'
import { registry } from '../../../proto/registry.ts'
import { configObjects } from '../../../test/helpers/objects.ts'
import { SIDECAR } from '../../../test/helpers/proxy-class.ts'
import { createModel, createScope, type ProxyClass } from '../../model/index.ts'
import { clusterNames, compileCluster, compileLoadAssignment } from '../clusters/index.ts'
import { grpcListener } from './grpc.ts'
import { buildListener, listenerPlans } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: test expectations read JSON of any shape
type Json = any

function listeners(yaml: string, proxy: Partial<ProxyClass> = {}): Record<string, Json> {
  const scope = scopeOf(yaml, proxy)
  return Object.fromEntries(
    listenerPlans(scope).flatMap((plan) => {
      const built = buildListener(plan)
      return built ? [[plan.name, json(built.message)]] : []
    }),
  )
}

function scopeOf(yaml: string, proxy: Partial<ProxyClass>) {
  const model = createModel()
  model.world.commit(configObjects(yaml))
  return createScope(model, { ...SIDECAR, ...proxy })
}

function json(message: Parameters<typeof encode<typeof ListenerSchema>>[1]): Json {
  return toJson(ListenerSchema, fromBinary(ListenerSchema, encode(ListenerSchema, message)), { registry })
}

const chainsOf = (listener: Json): Json[] => listener.filterChains
const clusterOf = (chain: Json): Json => {
  const { cluster, weightedClusters } = chain.filters[0].typedConfig
  return cluster ?? weightedClusters.clusters.map(({ name, weight }: Json) => `${name}=${weight}`)
}

const entry = (host: string, port: string, namespace = 'default') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.replaceAll('.', '-')}, namespace: ${namespace}}
spec:
  hosts: [${host}]
  ports: [${port}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---`

const WEB = entry('web.com', '{number: 80, name: http, protocol: HTTP}')
const DB = entry('db.com', '{number: 5432, name: tcp-db, protocol: TCP}')
const CACHE = entry('cache.com', '{number: 5432, name: tcp-cache, protocol: TCP}')
const SECURE = entry('secure.com', '{number: 8443, name: tls, protocol: TLS}')
const SECURE2 = entry('secure2.com', '{number: 8443, name: https, protocol: HTTPS}')

describe('outbound listeners of a sidecar without a Sidecar document', () => {
  it('one HTTP port on loopback for all HTTP services, and none for their own ports', () => {
    const found = listeners(WEB)
    expect(Object.keys(found)).toEqual(['127.0.0.1_15080'])
    const manager = found['127.0.0.1_15080'].filterChains[0].filters[0].typedConfig
    expect(manager.rds).toMatchObject({ routeConfigName: 'http_proxy', configSource: { ads: {} } })
    expect(manager.httpFilters.at(-1).name).toBe('envoy.filters.http.router')
    expect(manager.upgradeConfigs).toEqual([{ upgradeType: 'websocket' }])
  })

  it('asks for clusters before any other filter sees a request: older Envoys begin anew with the cluster', () => {
    const filters = (proxy: Partial<ProxyClass>) =>
      listeners(WEB, proxy)['127.0.0.1_15080'].filterChains[0].filters[0].typedConfig.httpFilters
    const names = filters({ lazy: true }).map(({ name }: Json) => name)
    expect(names[0]).toBe('envoy.filters.http.on_demand')
    expect(names.slice(1)).toEqual(filters({}).map(({ name }: Json) => name))
    const [first, second] = filters({ lazy: true, sharesVirtualHosts: true })
    expect([first.disabled, second.name]).toEqual([true, 'envoy.filters.http.on_demand'])
  })

  it('the port of each TCP service on loopback', () => {
    const listener = listeners(WEB + DB)['127.0.0.1_5432']
    expect(listener.address.socketAddress).toEqual({ address: '127.0.0.1', portValue: 5432 })
    expect(clusterOf(chainsOf(listener)[0])).toBe('outbound|5432||db.com')
  })

  it('the port of a TCP service that is there itself is not opened, nor one whose rule leads there', () => {
    const at = (name: string, number: number, endpoint: string) => `---
kind: ServiceEntry
metadata: {name: ${name}}
spec: {hosts: [${name}.com], ports: [{number: ${number}, name: tcp}], resolution: STATIC, endpoints: [${endpoint}]}
`
    const own = at('own', 9000, '{address: 127.0.0.1}')
    expect(Object.keys(listeners(own))).not.toContain('127.0.0.1_9000')
    expect(Object.keys(listeners(at('own', 9000, '{address: 127.0.0.1, ports: {tcp: 9001}}')))).toContain(
      '127.0.0.1_9000',
    )
    const led = (endpoint: string) =>
      `${at('first', 9002, '{address: 10.0.0.1}')}${at('second', 9003, endpoint)}---
kind: VirtualService
metadata: {name: led}
spec: {hosts: [first.com], tcp: [{route: [{destination: {host: second.com}}]}]}
`
    expect(Object.keys(listeners(led('{address: 127.0.0.1}')))).toContain('127.0.0.1_9002')
    expect(Object.keys(listeners(led('{address: 127.0.0.1, ports: {tcp: 9002}}')))).not.toContain('127.0.0.1_9002')
  })

  it('two TCP services on one port cannot be told apart: the first in order of host has it', () => {
    const [chain, ...more] = chainsOf(listeners(DB + CACHE)['127.0.0.1_5432'])
    expect(clusterOf(chain)).toBe('outbound|5432||cache.com')
    expect(more).toEqual([])
  })

  it('TLS services on one port are told apart by SNI', () => {
    const listener = listeners(SECURE + SECURE2)['127.0.0.1_8443']
    expect(listener.listenerFilters[0].name).toBe('envoy.filters.listener.tls_inspector')
    expect(chainsOf(listener).map((chain) => [chain.filterChainMatch.serverNames, clusterOf(chain)])).toEqual([
      [['secure.com'], 'outbound|8443||secure.com'],
      [['secure2.com'], 'outbound|8443||secure2.com'],
    ])
  })

  it('TCP rules split connections by weight', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec:
  hosts: [db.com]
  tcp:
  - match: [{port: 1}]
    route: [{destination: {host: cache.com}}]
  - route:
    - {destination: {host: db.com, subset: v1}, weight: 80}
    - {destination: {host: db.com, subset: v2}, weight: 20}`
    expect(clusterOf(chainsOf(listeners(DB + rule)['127.0.0.1_5432'])[0])).toEqual([
      'outbound|5432|v1|db.com=80',
      'outbound|5432|v2|db.com=20',
    ])
  })

  it('TLS rules go before the service of the same name', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: secure}
spec:
  hosts: [secure.com]
  tls:
  - match: [{port: 8443, sniHosts: [secure.com]}]
    route: [{destination: {host: secure2.com}}]`
    const chains = chainsOf(listeners(SECURE + SECURE2 + rule)['127.0.0.1_8443'])
    expect(chains.map((chain) => [chain.filterChainMatch.serverNames, clusterOf(chain)])).toEqual([
      [['secure.com'], 'outbound|8443||secure2.com'],
      [['secure2.com'], 'outbound|8443||secure2.com'],
    ])
  })

  it('a destination that does not exist closes connections', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec: {hosts: [db.com], tcp: [{route: [{destination: {host: gone.com}}]}]}`
    expect(clusterOf(chainsOf(listeners(DB + rule)['127.0.0.1_5432'])[0])).toBe('BlackHoleCluster')
  })

  it('a proxy may move its HTTP port or do without it', () => {
    expect(Object.keys(listeners(WEB, { httpPort: 19000 }))).toEqual(['127.0.0.1_19000'])
    expect(Object.keys(listeners(WEB, { httpPort: 0 }))).toEqual([])
  })
})

describe('a Sidecar document', () => {
  const sidecar = (spec: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: s}
spec: ${spec}`

  it('egress ports replace the defaults', () => {
    const found = listeners(
      WEB + DB + sidecar('{egress: [{port: {number: 9080, protocol: HTTP, name: http}, hosts: ["*/*"]}]}'),
    )
    expect(Object.keys(found)).toEqual(['127.0.0.1_9080'])
    expect(found['127.0.0.1_9080'].filterChains[0].filters[0].typedConfig.rds.routeConfigName).toBe('9080')
  })

  it('an egress listener without a port keeps the defaults for its hosts', () => {
    const egress =
      '{egress: [{port: {number: 9080, protocol: HTTP, name: h}, bind: 127.0.0.2, hosts: ["*/*"]}, {hosts: ["./db.com"]}]}'
    expect(Object.keys(listeners(WEB + DB + SECURE + sidecar(egress)))).toEqual([
      '127.0.0.2_9080',
      '127.0.0.1_15080',
      '127.0.0.1_5432',
    ])
  })

  it('a TCP service with an address of loopback has its listener there; a Sidecar may open one port at several', () => {
    const own = (address: string) => CACHE.replace('  resolution:', `  addresses: [${address}]\n  resolution:`)
    expect(Object.keys(listeners(DB + own('10.0.0.9')))).toEqual(['127.0.0.1_15080', '127.0.0.1_5432'])
    const found = listeners(DB + own('10.0.0.9, 127.0.1.1'))
    expect(Object.keys(found).sort()).toEqual(['127.0.0.1_15080', '127.0.0.1_5432', '127.0.1.1_5432'])
    expect(found['127.0.1.1_5432'].filterChains[0].filters[0].typedConfig.cluster).toContain('cache.com')
    const egress = (address: string, host: string) =>
      `{port: {number: 5432, protocol: TCP, name: t}, bind: ${address}, hosts: ["*/${host}"]}`
    const two = `{egress: [${egress('127.0.0.2', 'db.com')}, ${egress('127.0.0.3', 'db.com')}]}`
    expect(Object.keys(listeners(DB + sidecar(two)))).toEqual(['127.0.0.2_5432', '127.0.0.3_5432'])
  })

  it('an egress listener on a Unix domain socket', () => {
    const found = listeners(
      WEB +
        sidecar('{egress: [{port: {number: 0, protocol: HTTP, name: h}, bind: "unix:///tmp/x.sock", hosts: ["*/*"]}]}'),
    )
    expect(found['unix:///tmp/x.sock']?.address.pipe.path).toBe('/tmp/x.sock')
  })

  it('ingress listeners pass to the port behind, HTTP with routes, TCP without', () => {
    const ingress = `{ingress: [
      {port: {number: 9090, protocol: HTTP, name: http}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:8080"},
      {port: {number: 9091, protocol: TCP, name: tcp}, defaultEndpoint: "unix:///tmp/a.sock"}]}`
    const found = listeners(sidecar(ingress))
    expect(found['127.0.0.1_9090'].trafficDirection).toBe('INBOUND')
    expect(found['127.0.0.1_9090'].filterChains[0].filters[0].typedConfig.rds.routeConfigName).toBe('inbound|9090||')
    expect(clusterOf(found['0.0.0.0_9091'].filterChains[0])).toBe('inbound|9091||')
  })

  it('an ingress port that would lead to itself is not opened', () => {
    const ports = (listener: string) => Object.keys(listeners(sidecar(`{ingress: [${listener}]}`), { httpPort: 0 }))
    const port = 'port: {number: 9090, protocol: HTTP, name: http}'
    expect(ports(`{${port}}`)).toEqual([])
    expect(ports(`{${port}, defaultEndpoint: "127.0.0.1:9090"}`)).toEqual([])
    expect(ports(`{${port}, bind: 10.0.0.1}`)).toEqual(['10.0.0.1_9090'])
  })
})

describe('listeners of a gateway', () => {
  const gateway = (servers: string, name = 'edge') => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec:
  selector: {app: edge}
  servers: ${servers}
---`
  const router = { type: 'router', labels: { app: 'edge' } } as const

  it('only Gateways whose selector fits', () => {
    const yaml = gateway('[{port: {number: 80, protocol: HTTP, name: http}, hosts: ["*"]}]')
    expect(Object.keys(listeners(yaml, router))).toEqual(['0.0.0.0_80'])
    expect(listeners(yaml, { ...router, labels: {} })).toEqual({})
    expect(listeners(yaml, { ...router, type: 'sidecar' })['0.0.0.0_80']).toBeUndefined()
  })

  it('plain HTTP servers of one port share a route table', () => {
    const yaml =
      gateway('[{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.com]}]') +
      gateway('[{port: {number: 80, protocol: HTTP2, name: b}, hosts: [b.com]}]', 'edge2')
    const listener = listeners(yaml, router)['0.0.0.0_80']
    expect(chainsOf(listener)).toHaveLength(1)
    expect(chainsOf(listener)[0].filters[0].typedConfig.rds.routeConfigName).toBe('http.80')
    expect(chainsOf(listener)[0].filters[0].typedConfig.useRemoteAddress).toBe(true)
  })

  it('a server that terminates TLS has a chain by SNI, its certificate over SDS and its own route table', () => {
    const yaml = gateway(
      '[{port: {number: 443, protocol: HTTPS, name: https}, hosts: ["shop/a.com"], tls: {mode: MUTUAL, credentialName: a, minProtocolVersion: TLSV1_3}}]',
    )
    const [chain] = chainsOf(listeners(yaml, router)['0.0.0.0_443'])
    expect(chain.filterChainMatch).toEqual({ serverNames: ['a.com'], transportProtocol: 'tls' })
    expect(chain.filters[0].typedConfig.rds.routeConfigName).toBe('https.443.https.edge.default')
    const { commonTlsContext, requireClientCertificate } = chain.transportSocket.typedConfig
    expect(requireClientCertificate).toBe(true)
    expect(commonTlsContext.tlsCertificateSdsSecretConfigs[0].name).toBe('kubernetes://a')
    expect(commonTlsContext.combinedValidationContext.validationContextSdsSecretConfig.name).toBe(
      'kubernetes://a-cacert',
    )
    expect(commonTlsContext.tlsParams.tlsMinimumProtocolVersion).toBe('TLSv1_3')
    expect(commonTlsContext.alpnProtocols).toEqual(['h2', 'http/1.1'])
  })

  it('PASSTHROUGH passes TLS on by the SNI names of TLS rules, within what the server exposes', () => {
    const yaml =
      SECURE +
      gateway('[{port: {number: 443, protocol: tls, name: tls}, hosts: ["*.com"], tls: {mode: PASSTHROUGH}}]') +
      `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec:
  hosts: [secure.com]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [secure.com]}]
    route: [{destination: {host: secure.com, port: {number: 8443}}}]
  - match: [{sniHosts: [secure.org]}]
    route: [{destination: {host: secure.com}}]`
    const chains = chainsOf(listeners(yaml, router)['0.0.0.0_443'])
    expect(chains.map((chain) => [chain.filterChainMatch.serverNames, clusterOf(chain)])).toEqual([
      [['secure.com'], 'outbound|8443||secure.com'],
    ])
  })

  it('AUTO_PASSTHROUGH passes TLS on to the service, port and subset that the SNI names', () => {
    const servers = gateway(
      '[{port: {number: 15443, protocol: TLS, name: tls}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}]',
    )
    const service = (host: string, location: string) =>
      `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.split('.')[0]}}
spec: {hosts: [${host}], location: ${location}, ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC}
---`
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a.default.svc.cluster.local, trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: v1, labels: {version: v1}}]}
---`
    const yaml =
      service('a.default.svc.cluster.local', 'MESH_INTERNAL') +
      service('b.default.svc.cluster.local', 'MESH_EXTERNAL') +
      service('c.com', 'MESH_INTERNAL') +
      rule +
      servers
    const chains = chainsOf(listeners(yaml, router)['0.0.0.0_15443'])
    const names = ['outbound_.80_._.a.default.svc.cluster.local', 'outbound_.80_.v1_.a.default.svc.cluster.local']
    expect(chains.map((chain) => [chain.filterChainMatch.serverNames, clusterOf(chain)])).toEqual(
      names.map((name) => [[name], name]),
    )
    const scope = scopeOf(yaml, router)
    expect(clusterNames(scope).filter((name) => name.startsWith('outbound_'))).toEqual(names)
    expect(clusterNames(scopeOf(yaml, {})).filter((name) => name.startsWith('outbound_'))).toEqual([])
    for (const name of names) {
      const cluster = compileCluster(scope, name)!
      expect(cluster.message.transportSocket).toBeUndefined()
      expect(cluster.children).toEqual([{ type: 'eds', name }])
      expect(compileLoadAssignment(scope, name)?.message.clusterName).toBe(name)
    }
  })

  it('ISTIO_MUTUAL opens no port: there is no certificate to show', () => {
    const servers = gateway(
      '[{port: {number: 443, protocol: HTTPS, name: h}, hosts: ["*"], tls: {mode: ISTIO_MUTUAL}}]',
    )
    expect(listeners(SECURE + servers, router)).toEqual({})
  })

  it('a TCP server without a rule opens no port', () => {
    const tcp = gateway('[{port: {number: 31400, protocol: TCP, name: tcp}, hosts: ["*"]}]')
    expect(listeners(tcp, router)).toEqual({})
    const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec: {hosts: ["*"], gateways: [edge], tcp: [{match: [{port: 31400}], route: [{destination: {host: db.com, port: {number: 5432}}}]}]}`
    expect(clusterOf(chainsOf(listeners(DB + tcp + rule, router)['0.0.0.0_31400'])[0])).toBe('outbound|5432||db.com')
  })

  it("an SNI name that two rules claim is the first one's: Envoy would refuse the listener", () => {
    const yaml =
      SECURE +
      gateway('[{port: {number: 443, protocol: TLS, name: tls}, hosts: ["*"], tls: {mode: PASSTHROUGH}}]') +
      `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec:
  hosts: ["*.com"]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [a.com]}]
    route: [{destination: {host: secure.com}}]
  - match: [{sniHosts: [a.com, b.com]}]
    route: [{destination: {host: secure.com}}]`
    const chains = chainsOf(listeners(yaml, router)['0.0.0.0_443'])
    expect(chains.map((chain) => chain.filterChainMatch.serverNames)).toEqual([['a.com'], ['b.com']])
  })
})

describe('listeners of proxyless gRPC', () => {
  const scope = scopeOf(entry('echo.default.svc.cluster.local', '{number: 50051, name: grpc, protocol: GRPC}'), {
    type: 'grpc',
  })

  it.each(['echo', 'echo:50051', 'echo.default', 'echo.default.svc.cluster.local:50051'])(
    'xds:///%s is an API listener with the name as typed',
    (name) => {
      const listener = json(grpcListener(scope, name)!)
      expect(listener.name).toBe(name)
      expect(listener.apiListener.apiListener.rds.routeConfigName).toBe(
        'outbound|50051||echo.default.svc.cluster.local',
      )
      expect(listener.apiListener.apiListener.httpFilters.at(-1).name).toBe('envoy.filters.http.router')
    },
  )

  it('an unknown host or port has none', () => {
    expect(grpcListener(scope, 'nope')).toBeUndefined()
    expect(grpcListener(scope, 'echo:1')).toBeUndefined()
  })

  it('a server gets the address it listens on', () => {
    const listener = json(grpcListener(scope, 'grpc/server?xds.resource.listening_address=[::1]:50051')!)
    expect(listener.address.socketAddress).toEqual({ address: '::1', portValue: 50051 })
    expect(grpcListener(scope, 'grpc/server?xds.resource.listening_address=nonsense')).toBeUndefined()
  })
})
