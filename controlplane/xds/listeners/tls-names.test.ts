import { fromBinary, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { encode } from '../../../proto/make.ts'
import { registry } from '../../../proto/registry.ts'
import { configObjects } from '../../../test/helpers/objects.ts'
import { createModel, createScope } from '../../model/index.ts'
import { buildListener, listenerPlans } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: test expectations read JSON of any shape
type Json = any

/** Chains of a listener, as its address is named. */
function chainsOf(type: 'router' | 'sidecar', address: string, ...documents: readonly string[]): Json[] {
  const model = createModel()
  model.world.commit(configObjects(documents.join('---\n')))
  const labels = { app: 'edge' }
  const proxy = {
    key: type,
    type,
    namespace: 'default',
    labels,
    locality: undefined,
    httpPort: 0,
    secretsAllowed: true,
  }
  const plan = listenerPlans(createScope(model, proxy)).find(({ name }) => name === address)
  const built = plan && buildListener(plan)
  if (!built) return []
  const bytes = encode(ListenerSchema, built.message)
  return (toJson(ListenerSchema, fromBinary(ListenerSchema, bytes), { registry }) as Json).filterChains
}

/** Which names lead where: `<names>, or tls or any -> <cluster>`. */
function ways(chains: readonly Json[]): readonly string[] {
  return chains.map(({ filterChainMatch: match, filters }) => {
    const { cluster, weightedClusters, rds } = filters[0].typedConfig
    const to = cluster ?? rds?.routeConfigName ?? weightedClusters.clusters.map(({ name }: Json) => name).join('+')
    return `${match?.serverNames?.join(' ') ?? match?.transportProtocol ?? 'any'} -> ${to}`
  })
}

const networking = (kind: string, name: string, spec: string, namespace = 'default') => `
apiVersion: networking.istio.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
`
const service = (host: string, ports: string) =>
  networking(
    'ServiceEntry',
    host.replaceAll(/[*.]+/g, '-').replace(/^-/, 'all-'),
    `{hosts: ["${host}"], ports: [${ports}], resolution: NONE}`,
  )
const tlsPort = (number: number) => `{number: ${number}, name: tls-${number}, protocol: TLS}`
const tcpPort = (number: number) => `{number: ${number}, name: tcp-${number}, protocol: TCP}`
const gateway = (servers: string, name = 'edge') =>
  networking('Gateway', name, `{selector: {app: edge}, servers: [${servers}]}`)
const server = (hosts: string, tls: string, name = 'tls', protocol = 'TLS') =>
  `{port: {number: 443, protocol: ${protocol}, name: ${name}}, hosts: [${hosts}], tls: {${tls}}}`
const rules = (name: string, hosts: string, spec: string, gateways = '[edge]') =>
  networking('VirtualService', name, `{hosts: [${hosts}], gateways: ${gateways}, ${spec}}`)
const to = (host: string) => `route: [{destination: {host: ${host}}}]`
const ONE = service('one.com', tlsPort(443))
const TWO = service('two.com', tlsPort(443))

describe('a rule for connections without a port', () => {
  const MANY = service('many.com', `${tlsPort(443)}, ${tcpPort(9000)}`)

  it('leads to the port the connection came to, of a service with several, as in Istio', () => {
    const edge = gateway(server('"*.com"', 'mode: PASSTHROUGH'))
    const rule = rules('v', 'many.com', `tls: [{match: [{sniHosts: [many.com]}], ${to('many.com')}}]`)
    expect(ways(chainsOf('router', '0.0.0.0_443', MANY, edge, rule))).toEqual(['many.com -> outbound|443||many.com'])
  })

  it('leads nowhere where the service has no such port', () => {
    const edge = gateway('{port: {number: 8443, protocol: TCP, name: tcp}, hosts: ["*"]}')
    const rule = rules('v', '"*"', `tcp: [{${to('many.com')}}]`)
    expect(ways(chainsOf('router', '0.0.0.0_8443', MANY, edge, rule))).toEqual(['any -> BlackHoleCluster'])
  })
})

it('what a rule for connections says of the caller is nothing to a gateway, as in Istio', () => {
  const edge = gateway('{port: {number: 9000, protocol: TCP, name: tcp}, hosts: ["*"]}')
  const rule = rules('v', '"*"', `tcp: [{match: [{sourceLabels: {app: a}, sourceNamespace: b}], ${to('one.com')}}]`)
  expect(ways(chainsOf('router', '0.0.0.0_9000', ONE, edge, rule))).toEqual(['any -> outbound|443||one.com'])
})

describe('names at a gateway that passes TLS through', () => {
  const exposes = (...hosts: string[]) => gateway(server(hosts.join(', '), 'mode: PASSTHROUGH'))
  const rule = (name: string, sni: string, host: string) =>
    rules(name, '"*.com", "*.x.com"', `tls: [{match: [{sniHosts: [${sni}]}], ${to(host)}}]`)

  it('are those of rules, within what the server exposes', () => {
    const chains = chainsOf('router', '0.0.0.0_443', ONE, exposes('a.x.com'), rule('v', '"*.x.com", b.com', 'one.com'))
    expect(ways(chains)).toEqual(['a.x.com -> outbound|443||one.com'])
  })

  it('go by the narrower rule, whichever comes first, although the server exposes but one name', () => {
    const wide = rule('a', '"*.x.com"', 'one.com')
    const narrow = rule('b', 'a.x.com', 'two.com')
    for (const hosts of [['a.x.com'], ['"*.x.com"', 'a.x.com'], ['"*"']]) {
      const found = ways(chainsOf('router', '0.0.0.0_443', ONE, TWO, exposes(...hosts), wide, narrow))
      expect(found).toContain('a.x.com -> outbound|443||two.com')
      expect(found).toHaveLength(hosts[0] === 'a.x.com' ? 1 : 2)
    }
  })

  it('all of them include connections that do not begin with TLS', () => {
    const all = rules('v', '"*"', `tls: [{match: [{sniHosts: ["*"]}], ${to('one.com')}}]`)
    expect(ways(chainsOf('router', '0.0.0.0_443', ONE, exposes('"*"'), all))).toEqual(['any -> outbound|443||one.com'])
    expect(ways(chainsOf('router', '0.0.0.0_443', ONE, exposes('"*.com"'), all))).toEqual([
      '*.com -> outbound|443||one.com',
    ])
  })

  it('are not those of TCP rules: nothing is opened for them', () => {
    const tcp = rules('v', '"*.com"', `tcp: [{${to('one.com')}}]`)
    expect(chainsOf('router', '0.0.0.0_443', ONE, exposes('"*.com"'), tcp)).toEqual([])
  })

  it('of servers for VirtualServices of several namespaces: each server stays, a name they share is of the first', () => {
    const edge = gateway(
      [
        server('one/a.com', 'mode: SIMPLE, credentialName: c', 'first', 'HTTPS'),
        server('two/a.com, b.com', 'mode: SIMPLE, credentialName: c', 'second', 'HTTPS'),
        server('b.com', 'mode: SIMPLE, credentialName: c', 'third', 'HTTPS'),
      ].join(', '),
    )
    expect(ways(chainsOf('router', '0.0.0.0_443', edge))).toEqual([
      'a.com -> https.443.first.edge.default',
      'b.com -> https.443.second.edge.default',
    ])
  })
})

describe('TLS that a gateway ends', () => {
  const tlsOf = (tls: string, protocol = 'TLS'): Json => {
    const edge = gateway(server('one.com', tls, 'tls', protocol))
    const rule = rules('v', 'one.com', `tcp: [{${to('one.com')}}]`)
    return chainsOf('router', '0.0.0.0_443', ONE, edge, rule)[0].transportSocket.typedConfig.commonTlsContext
  }

  it('offers HTTP/2 and HTTP/1.1, whatever it passes the bytes on to', () => {
    for (const protocol of ['TLS', 'HTTPS'])
      expect(tlsOf('mode: SIMPLE, credentialName: c', protocol).alpnProtocols).toEqual(['h2', 'http/1.1'])
  })

  it('insecureSkipVerify takes callers whose certificate nobody signed', () => {
    const verified = 'mode: MUTUAL, credentialName: c'
    const trust = (tls: string) => tlsOf(tls).combinedValidationContext.defaultValidationContext.trustChainVerification
    expect(trust(verified)).toBeUndefined()
    expect(trust(`${verified}, insecureSkipVerify: true`)).toBe('ACCEPT_UNTRUSTED')
  })

  it('caCertificates: system are those of the machine', () => {
    const files = 'serverCertificate: /c.pem, privateKey: /k.pem'
    const tls = tlsOf(`mode: MUTUAL, ${files}, caCertificates: system`)
    expect(tls.combinedValidationContext.validationContextSdsSecretConfig.name).toBe(
      'file-root:/etc/ssl/certs/ca-certificates.crt',
    )
  })

  it('leaves out cipher suites that Envoy does not know, and second mentions', () => {
    const tls = tlsOf(
      'mode: SIMPLE, credentialName: c, cipherSuites: [AES256-SHA, NOT-A-SUITE, AES256-SHA, AES128-SHA]',
    )
    expect(tls.tlsParams.cipherSuites).toEqual(['AES256-SHA', 'AES128-SHA'])
  })

  it('has a route table of its own for each address', () => {
    const edge = gateway(
      `{port: {number: 443, protocol: HTTPS, name: h}, bind: 127.0.0.1, hosts: [a.com], tls: {mode: SIMPLE, credentialName: c}}`,
    )
    expect(ways(chainsOf('router', '127.0.0.1_443', edge))).toEqual(['a.com -> https.443.h.edge.default.127.0.0.1'])
  })
})

describe('what an upstream is told of a caller’s certificate', () => {
  const managerOf = (chain: Json) => {
    const { forwardClientCertDetails, setCurrentClientCertDetails } = chain.filters[0].typedConfig
    return [forwardClientCertDetails, setCurrentClientCertDetails]
  }

  it('at a gateway: subject, certificate and names, and nothing the caller says', () => {
    const edge = (mode: string) => gateway(server('a.com', `mode: ${mode}, credentialName: c`, 'h', 'HTTPS'))
    const all = { subject: true, cert: true, dns: true, uri: true }
    for (const mode of ['MUTUAL', 'OPTIONAL_MUTUAL'])
      expect(managerOf(chainsOf('router', '0.0.0.0_443', edge(mode))[0])).toEqual(['SANITIZE_SET', all])
    expect(managerOf(chainsOf('router', '0.0.0.0_443', edge('SIMPLE'))[0])).toEqual([undefined, undefined])
  })

  it('at a sidecar: subject and names, behind what a proxy with a certificate says of those before it', () => {
    const tls = 'mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem'
    const spec = `{ingress: [{port: {number: 9443, protocol: HTTPS, name: h}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:80", tls: {${tls}}}]}`
    const [chain] = chainsOf('sidecar', '127.0.0.1_9443', networking('Sidecar', 's', spec))
    expect(managerOf(chain)).toEqual(['APPEND_FORWARD', { subject: true, dns: true, uri: true }])
  })
})

describe('names at a sidecar', () => {
  const egress = (port: string) => networking('Sidecar', 's', `{egress: [{port: ${port}, hosts: ["*/*"]}]}`)

  it('a TCP listener of a Sidecar does not look into TLS, whatever the port of the service', () => {
    const listener = (protocol: string) =>
      ways(chainsOf('sidecar', '127.0.0.1_443', ONE, egress(`{number: 443, name: p, protocol: ${protocol}}`)))
    expect(listener('TLS')).toEqual(['one.com -> outbound|443||one.com'])
    expect(listener('TCP')).toEqual(['any -> outbound|443||one.com'])
  })

  it('a TLS listener of a Sidecar goes by TLS rules, also for a service that says TCP; other names lead to that', () => {
    const tcp = service('db.com', tcpPort(9000))
    const rule = rules('v', 'db.com', `tls: [{match: [{sniHosts: [db.com]}], ${to('one.com')}}]`, '[mesh]')
    const listener = egress('{number: 9000, name: p, protocol: TLS}')
    expect(ways(chainsOf('sidecar', '127.0.0.1_9000', ONE, tcp, rule, listener))).toEqual([
      'db.com -> outbound|443||one.com',
      'any -> outbound|9000||db.com',
    ])
  })

  it('rules see the port that is listened on', () => {
    const tcp = service('db.com', tcpPort(9000))
    const rule = (port: number) => rules('v', 'db.com', `tcp: [{match: [{port: ${port}}], ${to('two.com')}}]`, '[mesh]')
    const moved = egress('{number: 7000, name: p, protocol: TCP}')
    const found = (port: number) => ways(chainsOf('sidecar', '127.0.0.1_7000', tcp, rule(port), moved, TWO))
    expect(found(7000)).toContain('any -> outbound|443||two.com')
    expect(found(9000)).toContain('any -> outbound|9000||db.com')
  })
})
