import { describe, expect, it } from 'vitest'
import { analyzeYaml, kindYaml, load } from '../../../test/helpers/config-documents.ts'
import { severityOf } from '../../diagnostics/codes.ts'
import { analyze, CHECKS } from './analyze.ts'

const API = 'networking.istio.io/v1'
const document = (kind: string, name: string, spec: string, namespace = 'default') =>
  kindYaml(kind === 'Mesh' ? 'meshgate.io/v1' : API, kind, spec, `${name}\n  namespace: ${namespace}`)
const service = (host: string, fields = '', namespace = 'default') =>
  document(
    'ServiceEntry',
    host.split('.')[0]!.replace('*', 'any'),
    `{hosts: ["${host}"], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 1.1.1.1, labels: {version: v1}}]${fields}}`,
    namespace,
  )
const routes = (spec: string, name = 'vs', namespace = 'default') => document('VirtualService', name, spec, namespace)
const to = (host: string, more = '') => `route: [{destination: {host: ${host}${more}}}]`
const rule = (spec: string, name = 'dr', namespace = 'default') => document('DestinationRule', name, spec, namespace)
const gateway = (servers: string, name = 'gw', more = '', namespace = 'default') =>
  document('Gateway', name, `{servers: [${servers}]${more}}`, namespace)
const secret = (name: string, keys: readonly string[]) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: {${keys.map((key) => `${key}: x`)}}\n`

/** `CODE kind/name path` of what analysis says. */
function said(...documents: readonly string[]): readonly string[] {
  const yaml = documents.join('---\n')
  const lines = yaml.split('\n')
  return analyzeYaml(yaml)
    .map(({ code, line, path }) => {
      const before = lines.slice(0, line).join('\n').split('---\n').at(-1)!
      const name = /kind: (\w+)\nmetadata:(?: \{|\n {2})name: (\S+?)[},\n]/.exec(
        `${before}\n${lines.slice(line, line + 6).join('\n')}`,
      )
      return `${code} ${name?.[2]} ${path}`
    })
    .toSorted()
}

describe('destinations', () => {
  it('exist: by their full name or as a short name in the own namespace', () => {
    expect(said(service('a.default.svc.cluster.local'), routes(`{hosts: [a], http: [{${to('a')}}]}`))).toEqual([])
    expect(said(service('a'), routes(`{hosts: [a], http: [{${to('a')}}]}`, 'vs', 'other'))).toEqual([])
    expect(
      said(service('a.default.svc.cluster.local'), routes(`{hosts: [a], http: [{${to('a')}}]}`, 'vs', 'other')),
    ).toEqual(['HOST_NOT_FOUND vs spec.http[0].route[0].destination.host'])
    expect(said(service('*.example.com'), routes(`{hosts: [a.b], http: [{${to('x.example.com')}}]}`))).toEqual([])
  })
  it('of mirrors, TLS and TCP count too, and a near name is proposed', () => {
    const spec = `{hosts: [a.b], http: [{${to('reviews.com')}, mirror: {host: revews.com}}], tcp: [{${to('gone.com')}}]}`
    expect(said(service('reviews.com'), routes(spec))).toEqual([
      'HOST_NOT_FOUND vs spec.http[0].mirror.host',
      'HOST_NOT_FOUND vs spec.tcp[0].route[0].destination.host',
    ])
    const hints = analyzeYaml([service('reviews.com'), routes(spec)].join('---\n')).map(({ hint }) => hint)
    expect(hints).toContain('did you mean "reviews.com"?')
  })
  it('are exported to the namespace', () => {
    expect(
      said(service('a.com', ', exportTo: ["."]'), routes(`{hosts: [a.b], http: [{${to('a.com')}}]}`, 'vs', 'other')),
    ).toEqual(['HOST_NOT_VISIBLE vs spec.http[0].route[0].destination.host'])
    expect(said(service('a.com', ', exportTo: [other]'), routes(`{hosts: [a.b], http: [{${to('a.com')}}]}`))).toEqual(
      [],
    )
  })
  it('have the subset', () => {
    const vs = routes(`{hosts: [a.com], http: [{${to('a.com', ', subset: v1')}}]}`)
    expect(said(service('a.com'), vs)).toEqual(['SUBSET_NOT_FOUND vs spec.http[0].route[0].destination.subset'])
    expect(said(service('a.com'), vs, rule('{host: a.com, subsets: [{name: v1, labels: {version: v1}}]}'))).toEqual([])
    expect(said(service('a.com'), vs, rule('{host: "*.com", subsets: [{name: v1, labels: {version: v1}}]}'))).toEqual(
      [],
    )
  })
  it('have the port, and say which when there are several', () => {
    const two = document(
      'ServiceEntry',
      'two',
      '{hosts: [a.com], ports: [{number: 80, name: http}, {number: 81, name: http-b}]}',
    )
    expect(said(two, routes(`{hosts: [a.com], http: [{${to('a.com')}}]}`))).toEqual([
      'DESTINATION_PORT_REQUIRED vs spec.http[0].route[0].destination',
    ])
    expect(said(two, routes(`{hosts: [a.com], http: [{${to('a.com', ', port: {number: 82}')}}]}`))).toEqual([
      'DESTINATION_PORT_NOT_FOUND vs spec.http[0].route[0].destination.port.number',
    ])
    expect(said(two, routes(`{hosts: [a.com], http: [{${to('a.com', ', port: {number: 81}')}}]}`))).toEqual([])
  })
})

describe('gateways', () => {
  const http = (number: number, hosts: string, name = 'http') =>
    `{port: {number: ${number}, name: ${name}, protocol: HTTP}, hosts: [${hosts}]}`
  const tls = (number: number, hosts: string, name = 'tls') =>
    `{port: {number: ${number}, name: ${name}, protocol: TLS}, hosts: [${hosts}], tls: {mode: PASSTHROUGH}}`
  const bound = (reference: string, host = 'a.com', more = '') =>
    routes(`{hosts: [${host}], gateways: [${reference}], http: [{${more}${to('a.com')}}]}`)

  it('exist, in the own namespace or with another one before them', () => {
    expect(said(service('a.com'), gateway(http(80, '"*"')), bound('gw'))).toEqual([])
    expect(said(service('a.com'), gateway(http(80, '"*"'), 'gw', '', 'edge'), bound('edge/gw'))).toEqual([])
    expect(said(service('a.com'), gateway(http(80, '"*"'), 'gw', '', 'edge'), bound('gw'))).toEqual([
      'GATEWAY_NOT_FOUND vs spec.gateways[0]',
    ])
  })
  it('expose the hosts of the rules', () => {
    expect(said(service('a.com'), gateway(http(80, '"*.com"')), bound('gw'))).toEqual([])
    expect(said(service('a.com'), gateway(http(80, 'b.com')), bound('gw'))).toEqual([
      'GATEWAY_HOST_MISMATCH vs spec.hosts[0]',
    ])
    expect(said(service('a.com'), gateway(http(80, 'other/a.com')), bound('gw'))).toEqual([
      'GATEWAY_HOST_MISMATCH vs spec.hosts[0]',
    ])
    expect(said(service('a.com'), gateway(http(80, './a.com')), bound('gw'))).toEqual([])
  })
  it('know nothing of the calling workload', () => {
    expect(
      said(service('a.com'), gateway(http(80, '"*"')), bound('gw', 'a.com', 'match: [{sourceLabels: {app: x}}], ')),
    ).toEqual(['MATCH_NEVER_TRUE vs spec.http[0].match[0].sourceLabels'])
    const tcp = document(
      'VirtualService',
      'vs',
      '{hosts: [a.com], gateways: [gw], tcp: [{match: [{sourceLabels: {app: x}}], route: [{destination: {host: a.com}}]}]}',
    )
    expect(said(service('a.com'), gateway(http(80, '"*"')), tcp)).toEqual([
      'FIELD_NO_EFFECT vs spec.tcp[0].match[0].sourceLabels',
    ])
  })
  it('of a match are among those of the VirtualService', () => {
    expect(
      said(
        service('a.com'),
        gateway(http(80, '"*"')),
        routes(`{hosts: [a.com], http: [{match: [{gateways: [gw]}], ${to('a.com')}}]}`),
      ),
    ).toEqual(['MATCH_NEVER_TRUE vs spec.http[0].match[0].gateways[0]'])
  })
  it('of the same proxies do not clash on a port', () => {
    expect(said(gateway(http(80, 'a.com')), gateway(http(80, 'b.com'), 'two'))).toEqual([])
    expect(said(gateway(http(80, 'a.com')), gateway(tls(80, 'b.com'), 'two'))).toEqual([
      'GATEWAY_PORT_CONFLICT two spec.servers[0].port',
    ])
    // Proxies with the label a: b are selected by both.
    expect(said(gateway(http(80, 'a.com')), gateway(tls(80, 'b.com'), 'two', ', selector: {a: b}'))).toEqual([
      'GATEWAY_PORT_CONFLICT two spec.servers[0].port',
    ])
    const [ab, ac] = [', selector: {a: b}', ', selector: {a: c}']
    expect(said(gateway(http(80, 'a.com'), 'one', ab), gateway(tls(80, 'b.com'), 'two', ac))).toEqual([])
    expect(said(gateway(tls(443, 'a.com')), gateway(tls(443, 'a.com'), 'two'))).toEqual([
      'GATEWAY_HOST_CONFLICT two spec.servers[0].hosts[0]',
    ])
    expect(said(gateway(tls(443, 'a.com')), gateway(tls(443, 'b.com'), 'two'))).toEqual([])
  })
})

describe('servers of gateways', () => {
  const server = (mode: string, host = '*') =>
    gateway(`{port: {number: 443, name: h, protocol: TLS}, hosts: ["${host}"], tls: {mode: ${mode}}}`)
  it('need a certificate: ISTIO_MUTUAL has none', () => {
    expect(said(server('ISTIO_MUTUAL'))).toEqual(['MUTUAL_TLS_NO_IDENTITY gw spec.servers[0].tls.mode'])
  })
  it('have the workload certificates that the Mesh document names', () => {
    const mesh =
      'apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {workloadCertificates: {certificate: /c, privateKey: /k, caCertificates: /a}}'
    expect(said(server('ISTIO_MUTUAL'), mesh)).toEqual([])
  })
  it('with AUTO_PASSTHROUGH need a service of the mesh', () => {
    const empty = ['GATEWAY_SERVER_EMPTY gw spec.servers[0].tls.mode']
    expect(said(server('AUTO_PASSTHROUGH'), service('a.com'))).toEqual(empty)
    const internal = service('a.com', ', location: MESH_INTERNAL')
    expect(said(server('AUTO_PASSTHROUGH'), internal)).toEqual([])
    expect(said(server('AUTO_PASSTHROUGH', '*.org'), internal)).toEqual(empty)
    expect(said(server('AUTO_PASSTHROUGH', 'other/*'), internal)).toEqual(empty)
    expect(said(server('AUTO_PASSTHROUGH', 'x.com'), service('*.com', ', location: MESH_INTERNAL'))).toEqual(empty)
  })
  it('cannot be the endpoint of what they do not take', () => {
    const plain = (more: string) => gateway(`{port: {number: 80, name: h, protocol: HTTP}, hosts: ["*"], ${more}}`)
    const loop = ['LISTENER_LOOP gw spec.servers[0].defaultEndpoint']
    expect(said(plain('defaultEndpoint: "127.0.0.1:80"'))).toEqual(loop)
    expect(said(plain('defaultEndpoint: "127.0.0.1:80", bind: 127.0.0.1'))).toEqual(loop)
    expect(said(plain('defaultEndpoint: "127.0.0.1:80", bind: 10.0.0.1'))).toEqual([])
    expect(said(plain('defaultEndpoint: "127.0.0.1:81"'))).toEqual([])
  })
})

describe('secrets', () => {
  const simple = (name: string, mode = 'SIMPLE') =>
    gateway(
      `{port: {number: 443, name: h, protocol: HTTPS}, hosts: ["*"], tls: {mode: ${mode}, credentialName: ${name}}}`,
    )
  it('exist and hold what the mode needs', () => {
    expect(said(simple('c'))).toEqual(['SECRET_NOT_FOUND gw spec.servers[0].tls.credentialName'])
    expect(said(secret('c', ['password']), simple('c'))).toEqual([
      'SECRET_KEY_MISSING gw spec.servers[0].tls.credentialName',
    ])
  })
  it('of another kind of store are never served', () => {
    for (const name of ['sds://x', 'configmap://default/ca', 'builtin://'])
      expect(said(secret('x', ['password']), simple(name))).toEqual([
        'SECRET_NOT_FOUND gw spec.servers[0].tls.credentialName',
      ])
  })
  it('may say that they are secrets', () => {
    for (const name of ['kubernetes://c', 'kubernetes-gateway://default/c'])
      expect(said(secret('c', ['password']), simple(name))).toEqual([
        'SECRET_KEY_MISSING gw spec.servers[0].tls.credentialName',
      ])
  })
  it('of a DestinationRule count too', () => {
    expect(
      said(service('a.com'), rule('{host: a.com, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}}')),
    ).toEqual(['SECRET_NOT_FOUND dr spec.trafficPolicy.tls.credentialName'])
  })
})

describe('delegates', () => {
  const root = (name: string) => routes(`{hosts: [a.com], http: [{delegate: {name: ${name}}}]}`, 'root')
  const leaf = routes(`{http: [{${to('a.com')}}]}`, 'leaf')
  it('exist, have no hosts and are used', () => {
    expect(said(service('a.com'), root('leaf'), leaf)).toEqual([])
    expect(said(service('a.com'), root('leef'), leaf)).toEqual([
      'DELEGATE_NOT_FOUND root spec.http[0].delegate',
      'DELEGATE_UNUSED leaf spec',
    ])
    expect(said(root('root'))).toEqual(['DELEGATE_INVALID root spec.http[0].delegate'])
    expect(said(service('a.com'), root('leaf'), routes(`{hosts: [b.com], http: [{${to('a.com')}}]}`, 'leaf'))).toEqual([
      'DELEGATE_INVALID root spec.http[0].delegate',
    ])
  })
})

describe('references to documents with errors', () => {
  const text = (...documents: readonly string[]) =>
    analyze(load({ 'x.yaml': documents.join('---\n') })).map(({ message }) => message)
  it('name the cause: a delegate, a gateway, a service that is not in force', () => {
    const again = routes('{http: [{delegate: {name: leaf}}]}', 'leaf')
    expect(text(service('a.com'), routes('{hosts: [a.com], http: [{delegate: {name: leaf}}]}', 'root'), again)).toEqual(
      [expect.stringMatching(/^VirtualService default\/leaf is not in force: correct its errors first \(.+:\d+\)$/)],
    )
    const bound = routes(`{hosts: [a.com], gateways: [gw], http: [{${to('a.com')}}]}`)
    expect(text(service('a.com'), bound, gateway('{hosts: []}'))).toEqual([
      expect.stringMatching(/^Gateway default\/gw is not in force/),
    ])
    const broken = service('b.com', ', location: NOWHERE')
    expect(text(service('a.com'), broken, routes(`{hosts: [a.com], http: [{${to('b.com')}}]}`))).toEqual([
      expect.stringMatching(/^the ServiceEntry default\/b of host b\.com is not in force/),
    ])
  })
})

describe('proxies that one machine starts', () => {
  const proxies = (...list: readonly string[]) => said(document('Mesh', 'mesh', `{proxies: [${list.join(', ')}]}`))
  const sidecar = (name: string, more = '') => `{node: sidecar~127.0.0.1~${name}.default~x${more}}`
  it('have HTTP proxy ports of their own', () => {
    expect(proxies(sidecar('a'), sidecar('b'))).toEqual(['PROXY_PORT_SHARED mesh spec.proxies[1]'])
    expect(proxies(sidecar('a'), sidecar('b', ', metadata: {HTTP_PROXY_PORT: 15081}'))).toEqual([])
    expect(proxies(sidecar('a'), '{node: router~127.0.0.1~g.default~x}')).toEqual([])
  })
})

describe('rules that are never used', () => {
  const http = (...rules: readonly string[]) =>
    said(
      service('a.com'),
      routes(`{hosts: [a.com], http: [${rules.map((one) => `{${one}${one && ', '}${to('a.com')}}`)}]}`),
    )
  it.each([
    [['', '']],
    [['', 'match: [{uri: {exact: /a}}]']],
    [['match: [{uri: {prefix: /}}]', 'match: [{uri: {exact: /a}}]']],
    [['match: [{uri: {prefix: /a}}]', 'match: [{uri: {prefix: /a/b}}]']],
    [['match: [{uri: {prefix: /a}, ignoreUriCase: true}]', 'match: [{uri: {exact: /A/b}}]']],
    [['match: [{uri: {exact: /a}, name: x}]', 'match: [{name: y, uri: {exact: /a}}]']],
    [['match: [{headers: {u: {}}}]', 'match: [{headers: {u: {exact: jason}, v: {exact: w}}}]']],
    [['match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}]', 'match: [{uri: {exact: /b/c}}, {uri: {exact: /a}}]']],
    [['match: [{method: {exact: GET}}]', 'match: [{method: {exact: GET}, port: 80}]']],
  ])('%j: the second', (rules) => expect(http(...rules)).toEqual(['ROUTE_UNREACHABLE vs spec.http[1]']))

  it.each([
    [['match: [{uri: {exact: /a}}]', 'match: [{uri: {prefix: /}}]']],
    [['match: [{uri: {prefix: /a/b}}]', 'match: [{uri: {prefix: /a}}]']],
    [['match: [{uri: {prefix: /a}}]', 'match: [{uri: {prefix: /a}, ignoreUriCase: true}]']],
    [['match: [{uri: {prefix: /a}, headers: {u: {exact: x}}}]', 'match: [{uri: {exact: /a}}]']],
    [['match: [{uri: {prefix: /a}, withoutHeaders: {u: {exact: x}}}]', 'match: [{uri: {exact: /a}}]']],
    [['match: [{uri: {regex: "/a.*"}}]', 'match: [{uri: {exact: /ab}}]']],
    [['match: [{uri: {prefix: /a}, port: 80}]', 'match: [{uri: {prefix: /a}, port: 81}]']],
  ])('%j: none', (rules) => expect(http(...rules)).toEqual([]))

  it('a single match of several is named', () => {
    expect(http('match: [{uri: {prefix: /a}}]', 'match: [{uri: {exact: /a/b}}, {uri: {exact: /c}}]')).toEqual([
      'MATCH_SHADOWED vs spec.http[1].match[0]',
    ])
  })
  it('by SNI as well', () => {
    const match = (sni: string) => `{match: [{sniHosts: ["${sni}"]}], ${to('a.com')}}`
    expect(said(service('a.com'), routes(`{hosts: ["*.com"], tls: [${match('*.com')}, ${match('x.com')}]}`))).toEqual([
      'ROUTE_UNREACHABLE vs spec.tls[1]',
    ])
  })
})

describe('weights', () => {
  const weights = (a: number, b: number) =>
    said(
      service('a.com'),
      service('b.com'),
      routes(
        `{hosts: [c.d], http: [{route: [{destination: {host: a.com}, weight: ${a}}, {destination: {host: b.com}, weight: ${b}}]}]}`,
      ),
    )
  it('that are no percentages are noted', () => {
    expect(weights(90, 10)).toEqual([])
    expect(weights(1, 3)).toEqual(['WEIGHTS_NOT_100 vs spec.http[0].route'])
  })
})

describe('several documents for one host', () => {
  it('VirtualServices: sidecars take the first', () => {
    const one = (name: string, more = '') => routes(`{hosts: [a.com], http: [{${to('a.com')}}]${more}}`, name)
    expect(said(service('a.com'), one('a'), one('b'))).toEqual(['VIRTUAL_SERVICE_OVERLAP b spec.hosts[0]'])
  })
  it('VirtualServices: rules for fewer come first, however old those for all are', () => {
    const one = (name: string, namespace: string, exportTo: string) =>
      routes(`{hosts: [a.com], http: [{${to('a.com')}}], exportTo: [${exportTo}]}`, name, namespace)
    const overlap = (...documents: readonly string[]) => said(service('a.com'), ...documents)
    const ignored = (name: string) => [`VIRTUAL_SERVICE_OVERLAP ${name} spec.hosts[0]`]
    expect(overlap(one('a', 'shop', '"*"'), one('b', 'web', '.'))).toEqual(ignored('a'))
    expect(overlap(one('a', 'shop', 'web'), one('b', 'web', '.'))).toEqual(ignored('a'))
    expect(overlap(one('a', 'shop', '.'), one('b', 'web', '.'))).toEqual([])
    expect(overlap(one('a', 'shop', 'shop, web'), one('b', 'shop', '.'))).toEqual(ignored('b'))
  })
  it('VirtualServices at a gateway are merged', () => {
    const one = (name: string) =>
      routes(`{hosts: [a.com], gateways: [gw], http: [{match: [{uri: {exact: /${name}}}], ${to('a.com')}}]}`, name)
    const gw = gateway('{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}')
    expect(said(service('a.com'), gw, one('a'), one('b'))).toEqual(['VIRTUAL_SERVICE_MERGED b spec.hosts[0]'])
    expect(severityOf('VIRTUAL_SERVICE_MERGED')).toBe('info')
  })
  it('DestinationRules', () => {
    expect(said(service('a.com'), rule('{host: a.com}', 'a'), rule('{host: A.com}', 'b'))).toEqual([
      'DESTINATION_RULE_CONFLICT b spec.host',
    ])
    expect(said(service('a.com'), rule('{host: a.com}', 'a'), rule('{host: a.com}', 'b', 'other'))).toEqual([])
  })
  it('ServiceEntries with two protocols', () => {
    const one = (name: string, protocol: string) =>
      document('ServiceEntry', name, `{hosts: [a.com], ports: [{number: 80, name: p, protocol: ${protocol}}]}`)
    expect(said(one('a', 'HTTP'), one('b', 'GRPC'))).toEqual(['SERVICE_ENTRY_PROTOCOL_CONFLICT b spec.ports[0]'])
  })
  it('TCP services on one port of one address', () => {
    const one = (name: string, more = '') =>
      document('ServiceEntry', name, `{hosts: [${name}.com], ports: [{number: 9, name: tcp}]${more}}`)
    expect(said(one('a'), one('b'))).toEqual(['TCP_PORT_CLASH b spec.ports[0].number'])
    expect(said(one('a', ', addresses: [10.0.0.1]'), one('b'))).toEqual(['TCP_PORT_CLASH b spec.ports[0].number'])
    expect(said(one('a', ', addresses: [10.0.0.1, 127.0.1.1]'), one('b'))).toEqual([])
    expect(said(one('a', ', addresses: [127.0.1.1]'), one('b', ', addresses: [127.0.1.1]'))).toEqual([
      'TCP_PORT_CLASH b spec.ports[0].number',
    ])
  })
  it('Sidecars', () => {
    const one = (name: string, more = '') => document('Sidecar', name, `{egress: [{hosts: ["./*"]}]${more}}`)
    expect(said(one('a'), one('b'))).toEqual(['SIDECAR_CONFLICT b spec'])
    const labels = ', workloadSelector: {labels: {app: x}}'
    expect(said(one('a', labels), one('b', labels), one('c'))).toEqual(['SIDECAR_CONFLICT b spec.workloadSelector'])
  })
})

describe('DestinationRules', () => {
  const policy = (fields: string, subsets = '') =>
    said(service('a.com'), rule(`{host: a.com, trafficPolicy: {${fields}}${subsets}}`))
  it('are for hosts that exist, with subsets that select something', () => {
    expect(said(service('a.com'), rule('{host: b.com}'))).toEqual(['DESTINATION_RULE_HOST_NOT_FOUND dr spec.host'])
    expect(said(service('a.com'), rule('{host: a.com, subsets: [{name: v9, labels: {version: v9}}]}'))).toEqual([
      'SUBSET_EMPTY dr spec.subsets[0].labels',
    ])
  })
  it('select by the place of an endpoint too', () => {
    const placed = document(
      'ServiceEntry',
      'a',
      '{hosts: [a.com], ports: [{number: 80, name: http}], resolution: STATIC, endpoints: [{address: 1.1.1.1, locality: r/z/s}]}',
    )
    expect(said(placed, rule('{host: a.com, subsets: [{name: z, labels: {topology.kubernetes.io/zone: z}}]}'))).toEqual(
      [],
    )
  })
  it('hash something', () => {
    expect(policy('loadBalancer: {consistentHash: {maglev: {}}}')).toEqual([
      'HASH_NO_EFFECT dr spec.trafficPolicy.loadBalancer.consistentHash',
    ])
    expect(policy('loadBalancer: {consistentHash: {httpHeaderName: x}}')).toEqual([])
    expect(
      policy(
        'loadBalancer: {consistentHash: {httpHeaderName: x}}, portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {maxConnections: 1}}}]',
      ),
    ).toEqual(['HASH_NO_EFFECT dr spec.trafficPolicy.portLevelSettings[0]'])
    const tcp = document(
      'ServiceEntry',
      'a',
      '{hosts: [a.com], ports: [{number: 9, name: tcp}], addresses: [10.0.0.1]}',
    )
    expect(
      said(tcp, rule('{host: a.com, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}')),
    ).toEqual(['HASH_NO_EFFECT dr spec.trafficPolicy.loadBalancer.consistentHash.httpHeaderName'])
  })
  it('say whose certificates they take, or it is noted', () => {
    expect(policy('tls: {mode: SIMPLE}')).toEqual(['TLS_NO_VERIFICATION dr spec.trafficPolicy.tls'])
    expect(severityOf('TLS_NO_VERIFICATION')).toBe('info')
    expect(policy('tls: {mode: SIMPLE, caCertificates: system}')).toEqual([])
    expect(policy('tls: {mode: SIMPLE, insecureSkipVerify: true}')).toEqual([])
    expect(policy('tls: {mode: ISTIO_MUTUAL}')).toEqual(['MUTUAL_TLS_NO_IDENTITY dr spec.trafficPolicy.tls.mode'])
  })
})

describe('services and workloads', () => {
  const selecting = document(
    'ServiceEntry',
    'a',
    '{hosts: [a.com], ports: [{number: 80, name: http}], resolution: STATIC, workloadSelector: {labels: {app: a}}}',
  )
  const workload = (labels: string, namespace = 'default') =>
    document('WorkloadEntry', 'w', `{address: 1.1.1.1, labels: ${labels}}`, namespace)
  it('have endpoints', () => {
    expect(said(selecting)).toEqual(['SELECTOR_EMPTY a spec.workloadSelector'])
    expect(said(selecting, workload('{app: b}'))).toEqual(['SELECTOR_EMPTY a spec.workloadSelector'])
    expect(said(selecting, workload('{app: a}', 'other'))).toEqual(['SELECTOR_EMPTY a spec.workloadSelector'])
    expect(said(selecting, workload('{app: a, version: v1}'))).toEqual([])
    expect(
      said(document('ServiceEntry', 'b', '{hosts: [b.com], ports: [{number: 80, name: http}], resolution: STATIC}')),
    ).toEqual(['SERVICE_ENTRY_NO_ENDPOINTS b spec.resolution'])
  })
  it('are selected, where any workload is known', () => {
    const sidecar = document('Sidecar', 'sc', '{workloadSelector: {labels: {app: b}}, egress: [{hosts: ["./*"]}]}')
    expect(said(sidecar)).toEqual([])
    expect(said(selecting, workload('{app: a}'), sidecar)).toEqual(['SELECTOR_EMPTY sc spec.workloadSelector'])
  })
})

describe('Sidecars', () => {
  it('import hosts that exist', () => {
    const sidecar = (host: string) => document('Sidecar', 'sc', `{egress: [{hosts: ["${host}"]}]}`)
    for (const host of ['./a.com', '*/a.com', 'default/*.com', './*', '~/*', '*/*'])
      expect(said(service('a.com'), sidecar(host))).toEqual([])
    for (const host of ['other/a.com', './b.com', '*/*.org'])
      expect(said(service('a.com'), sidecar(host))).toEqual(['SIDECAR_HOST_NOT_FOUND sc spec.egress[0].hosts[0]'])
  })
  it('of the root namespace mean by ./ every namespace', () => {
    const sidecar = (host: string) => document('Sidecar', 'sc', `{egress: [{hosts: ["${host}"]}]}`, 'istio-system')
    expect(said(service('a.com', ', exportTo: ["."]'), sidecar('./a.com'))).toEqual([])
    expect(said(service('a.com'), sidecar('./b.com'))).toEqual(['SIDECAR_HOST_NOT_FOUND sc spec.egress[0].hosts[0]'])
  })
  it('listen on a port that one of the hosts has, or on any for an HTTP proxy', () => {
    const said80 = (port: string, host = './a.com') => {
      const egress = `{egress: [{port: {number: ${port}, name: a}, hosts: ["${host}"]}]}`
      return said(service('a.com'), document('Sidecar', 'sc', egress))
    }
    expect(said80('81, protocol: HTTP')).toEqual(['SIDECAR_PORT_NOT_FOUND sc spec.egress[0].port.number'])
    expect(said80('81, protocol: GRPC')).toEqual(['SIDECAR_PORT_NOT_FOUND sc spec.egress[0].port.number'])
    expect(said80('81, protocol: TCP')).toEqual([])
    expect(said80('80, protocol: HTTP')).toEqual([])
    expect(said80('81, protocol: HTTP_PROXY')).toEqual([])
    expect(said80('81, protocol: HTTP', './*')).toEqual([])
  })
  it('keep off the port of the HTTP proxy', () => {
    const sidecar = document(
      'Sidecar',
      'sc',
      '{egress: [{port: {number: 15080, protocol: HTTP, name: a}, hosts: ["./*"]}]}',
    )
    expect(said(sidecar)).toEqual(['LISTENER_PORT_CLASH sc spec.egress[0].port.number'])
    expect(said(sidecar, document('Mesh', 'm', '{httpPort: 8080}'))).toEqual([])
  })
  it('do not lead to themselves', () => {
    const ingress = (more: string) =>
      said(document('Sidecar', 'sc', `{ingress: [{port: {number: 80, protocol: HTTP, name: a}${more}}]}`))
    expect(ingress('')).toEqual(['LISTENER_LOOP sc spec.ingress[0].port'])
    expect(ingress(', defaultEndpoint: "127.0.0.1:80"')).toEqual(['LISTENER_LOOP sc spec.ingress[0].defaultEndpoint'])
    expect(ingress(', bind: 10.0.0.1')).toEqual([])
    expect(ingress(', defaultEndpoint: "127.0.0.1:81"')).toEqual([])
  })
})

describe('services', () => {
  const entry = (name: string, spec: string) => document('ServiceEntry', name, spec)

  it('of one host and namespace say the same where only the oldest is heard', () => {
    const one = (name: string, port: number, more: string) =>
      entry(name, `{hosts: [a.com], ports: [{number: ${port}, name: http, protocol: HTTP}]${more}}`)
    expect(said(one('first', 80, ''), one('second', 81, ', exportTo: ["*"], resolution: NONE'))).toEqual([])
    expect(
      said(one('first', 80, ''), one('second', 81, ', exportTo: ["."], resolution: DNS, location: MESH_INTERNAL')),
    ).toEqual([
      'SERVICE_ENTRY_MERGED second spec.exportTo',
      'SERVICE_ENTRY_MERGED second spec.location',
      'SERVICE_ENTRY_MERGED second spec.resolution',
    ])
    expect(said(one('first', 80, ', exportTo: ["."]'), one('second', 81, ''))).toEqual([
      'SERVICE_ENTRY_MERGED second spec',
    ])
  })

  it('are not where their sidecars listen', () => {
    const at = (endpoint: string, port = 'name: tcp, protocol: TCP') =>
      said(
        entry(
          'db',
          `{hosts: [db.com], ports: [{number: 9000, ${port}}], resolution: STATIC, endpoints: [${endpoint}]}`,
        ),
      )
    const loop = ['LISTENER_LOOP db spec.endpoints[0]']
    expect(at('{address: 127.0.0.1}')).toEqual(loop)
    expect(at('{address: 127.0.0.1}', 'name: tls, protocol: TLS')).toEqual(loop)
    expect(at('{address: 127.0.0.1}', 'name: http, protocol: HTTP')).toEqual([])
    expect(at('{address: 127.0.0.1, ports: {tcp: 9001}}')).toEqual([])
    expect(at('{address: 10.0.0.1}')).toEqual([])
  })
})

it('an empty mesh has no problems, and every check runs', () => {
  expect(analyzeYaml('')).toEqual([])
  expect(new Set(CHECKS).size).toBe(CHECKS.length)
})
