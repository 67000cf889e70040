import { describe, expect, it } from 'vitest'
import { brief, checkNetworking, checkSpec, checkYaml, kindYaml } from '../../../test/helpers/config-documents.ts'

describe('Gateway', () => {
  const server = (fields: string) => checkNetworking('Gateway', `{servers: [{${fields}}]}`)
  const http = 'port: {number: 7, name: http, protocol: http}'
  const https = 'port: {number: 7, name: https, protocol: https}'
  const AT = 'spec.servers[0]'
  it.each([
    `hosts: [foo.bar.com], ${http}`,
    `hosts: [ns1/foo.bar.com, "*/a.b", ./c.d], ${http}`,
    `hosts: ["*"], ${http}, tls: {httpsRedirect: true}`,
    `hosts: ["*"], ${http}, bind: 127.0.0.1`,
    'hosts: ["*"], port: {number: 0, name: http, protocol: http}, bind: "unix://@foobar"',
    `hosts: ["*"], ${https}, tls: {mode: SIMPLE, credentialName: c}`,
    `hosts: ["*"], ${https}, tls: {mode: MUTUAL, serverCertificate: a, privateKey: b, caCertificates: c}`,
    `hosts: ["*"], ${https}, tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: a, privateKey: b}]}`,
    `hosts: ["*"], ${https}, tls: {mode: PASSTHROUGH}`,
    `hosts: ["*"], ${https}, tls: {mode: ISTIO_MUTUAL}`,
  ])('takes %s', (fields) => expect(server(fields)).toEqual([]))

  it.each([
    [`hosts: [], ${http}`, `FIELD_VALUE ${AT}.hosts`],
    [`hosts: [foo], ${http}`, `FIELD_VALUE ${AT}.hosts[0]`],
    ['hosts: [a.b], port: {number: 66000, name: http, protocol: http}', `FIELD_VALUE ${AT}.port.number`],
    ['hosts: [a.b], port: {number: 1, name: http, protocol: htp}', `FIELD_VALUE ${AT}.port.protocol`],
    ['hosts: [a.b], port: {number: 1, name: "", protocol: http}', `FIELD_VALUE ${AT}.port.name`],
    [`hosts: [a.b], ${http}, bind: foo.bar`, `FIELD_VALUE ${AT}.bind`],
    [`hosts: [a.b], ${http}, bind: "unix://@x"`, `FIELD_VALUE ${AT}.port.number`],
    [`hosts: [a.b], ${https}`, `FIELD_REQUIRED ${AT}.tls`],
    [`hosts: [a.b], ${https}, tls: {mode: SIMPLE, serverCertificate: a}`, `FIELD_REQUIRED ${AT}.tls.privateKey`],
    [
      `hosts: [a.b], ${https}, tls: {mode: MUTUAL, serverCertificate: a, privateKey: b}`,
      `FIELD_REQUIRED ${AT}.tls.caCertificates`,
    ],
    [`hosts: [a.b], ${https}, tls: {mode: ISTIO_MUTUAL, credentialName: b}`, `FIELD_CONFLICT ${AT}.tls.credentialName`],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: b, credentialNames: [c]}`,
      `FIELD_CONFLICT ${AT}.tls.credentialNames`,
    ],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialNames: [a, b, c]}`,
      `FIELD_VALUE ${AT}.tls.credentialNames`,
    ],
    [`hosts: [a.b], ${https}, tls: {mode: PASSTHROUGH, credentialName: a}`, `FIELD_NO_EFFECT ${AT}.tls.credentialName`],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: a, cipherSuites: [NONE]}`,
      `FIELD_NO_EFFECT ${AT}.tls.cipherSuites[0]`,
    ],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_0}`,
      `FIELD_QUESTIONABLE ${AT}.tls.minProtocolVersion`,
    ],
  ])('refuses %s', (fields, problem) => expect(server(fields)).toEqual([problem]))

  it('a port has one name, and a gateway at least one server', () => {
    expect(checkNetworking('Gateway', `{servers: [{hosts: [a.b], ${http}}, {hosts: [c.d], ${http}}]}`)).toEqual([
      'FIELD_VALUE spec.servers[1].port.name',
    ])
    expect(checkNetworking('Gateway', '{servers: []}')).toEqual(['FIELD_REQUIRED spec.servers'])
  })
})

describe('DestinationRule', () => {
  const check = (fields: string) => checkNetworking('DestinationRule', `{host: reviews, ${fields}}`)
  const policy = (fields: string) => check(`trafficPolicy: {${fields}}`)
  const AT = 'spec.trafficPolicy'
  it.each([
    'subsets: [{name: v1, labels: {version: v1}}, {name: v2}]',
    'trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, connectionPool: {tcp: {maxConnections: 7, idleTimeout: 0s}}}',
    'trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x, maglev: {tableSize: 65537}}}}',
    'trafficPolicy: {tls: {mode: SIMPLE, credentialName: configmap://ns/name}}',
    'trafficPolicy: {tunnel: {targetHost: a.b, targetPort: 80}}',
    'workloadSelector: {matchLabels: {app: a}}, exportTo: [.]',
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it('has a policy that says something', () =>
    expect(check('trafficPolicy: {portLevelSettings: []}')).toEqual(['FIELD_VALUE spec.trafficPolicy']))

  it.each([
    ['', `FIELD_VALUE ${AT}`],
    ['connectionPool: {}', `FIELD_VALUE ${AT}.connectionPool`],
    ['connectionPool: {http: {maxRetries: -1}}', `FIELD_VALUE ${AT}.connectionPool.http.maxRetries`],
    [
      'connectionPool: {http: {http2KeepAlive: {interval: 1s}}}',
      `FIELD_REQUIRED ${AT}.connectionPool.http.http2KeepAlive.timeout`,
    ],
    [
      'connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}',
      `FIELD_CONFLICT ${AT}.connectionPool.http.useClientProtocol`,
    ],
    ['tls: {mode: SIMPLE, credentialName: configmap://name}', `FIELD_VALUE ${AT}.tls.credentialName`],
    ['tls: {credentialName: configmap:///name}', `FIELD_VALUE ${AT}.tls.credentialName`],
    ['outlierDetection: {maxEjectionPercent: 105}', `FIELD_VALUE ${AT}.outlierDetection.maxEjectionPercent`],
    ['outlierDetection: {consecutiveErrors: 5}', `FIELD_DEPRECATED ${AT}.outlierDetection.consecutiveErrors`],
    [
      'outlierDetection: {consecutiveLocalOriginFailures: 5}',
      `FIELD_VALUE ${AT}.outlierDetection.consecutiveLocalOriginFailures`,
    ],
    [
      'loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}',
      `FIELD_CONFLICT ${AT}.loadBalancer.consistentHash`,
    ],
    ['loadBalancer: {simple: LEAST_CONN}', `FIELD_DEPRECATED ${AT}.loadBalancer.simple`],
    [
      'loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1000}}}',
      `FIELD_VALUE ${AT}.loadBalancer.consistentHash.maglev.tableSize`,
    ],
    [
      'loadBalancer: {consistentHash: {httpHeaderName: a, useSourceIp: true}}',
      `FIELD_CONFLICT ${AT}.loadBalancer.consistentHash.useSourceIp`,
    ],
    ['loadBalancer: {warmup: {duration: 1s, aggression: 0}}', `FIELD_VALUE ${AT}.loadBalancer.warmup.aggression`],
    ['loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}', `FIELD_NO_EFFECT ${AT}.loadBalancer.warmup`],
    [
      'loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}',
      `FIELD_QUESTIONABLE ${AT}.loadBalancer.localityLbSetting`,
    ],
    [
      'outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.failover[0].to`,
    ],
    [
      'loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {a: 50}}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.distribute[0].to`,
    ],
    [
      'loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {a: 50, a/b: 50}}]}}',
      `FIELD_VALUE ${AT}.loadBalancer.localityLbSetting.distribute[0].to["a/b"]`,
    ],
    ['tls: {mode: MUTUAL, clientCertificate: a}', `FIELD_REQUIRED ${AT}.tls.privateKey`],
    ['tls: {mode: SIMPLE, credentialName: a, caCertificates: b}', `FIELD_CONFLICT ${AT}.tls.caCertificates`],
    ['tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: b}', `FIELD_CONFLICT ${AT}.tls.caCertificates`],
    ['tunnel: {targetHost: "a b", targetPort: 80}', `FIELD_VALUE ${AT}.tunnel.targetHost`],
    ['tunnel: {targetHost: a.b, targetPort: 0}', `FIELD_VALUE ${AT}.tunnel.targetPort`],
    ['tunnel: {targetHost: a.b, targetPort: 1}, proxyProtocol: {version: V2}', `FIELD_CONFLICT ${AT}.proxyProtocol`],
    ['portLevelSettings: [{port: {number: 1}}]', `FIELD_VALUE ${AT}.portLevelSettings[0]`],
    ['portLevelSettings: [{tls: {mode: DISABLE}}]', `FIELD_REQUIRED ${AT}.portLevelSettings[0].port`],
  ])('policy %s', (fields, problem) => expect(policy(fields)).toEqual([problem]))

  it.each([
    ['subsets: [{name: v1}, {name: v1}]', 'FIELD_VALUE spec.subsets[1].name'],
    ['subsets: [{name: v.1}]', 'FIELD_VALUE spec.subsets[0].name'],
    ['subsets: [{name: v1, labels: {"a b": c}}]', 'FIELD_VALUE spec.subsets[0].labels["a b"]'],
    ['workloadSelector: {matchLabels: {app: a}}, exportTo: [other]', 'FIELD_VALUE spec.exportTo'],
    ['workloadSelector: {matchLabels: {app: "*"}}', 'FIELD_VALUE spec.workloadSelector.matchLabels.app'],
  ])('%s', (fields, problem) => expect(check(fields)).toEqual([problem]))
})

describe('ServiceEntry', () => {
  const check = (fields: string) => checkNetworking('ServiceEntry', `{${fields}}`)
  const ports = 'ports: [{number: 80, name: http, protocol: HTTP}]'
  it.each([
    `hosts: [a.b], ${ports}, resolution: DNS`,
    `hosts: ["*.a.b"], ${ports}`,
    `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {http: 8080}}]`,
    `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: unix:///tmp/x}]`,
    `hosts: [a.b], ${ports}, resolution: DNS, endpoints: [{address: c.d}]`,
    'hosts: [a.b], addresses: [10.0.0.0/8], ports: [{number: 1, name: t, protocol: TCP}]',
    'hosts: ["*.a.b"], ports: [{number: 443, name: t, protocol: TLS}], resolution: DYNAMIC_DNS',
    `hosts: [a.b], ${ports}, resolution: STATIC, workloadSelector: {labels: {app: a}}, exportTo: ["~"]`,
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it.each([
    [`hosts: ["*"], ${ports}`, 'FIELD_VALUE spec.hosts[0]'],
    [`hosts: ["*x.a.b"], ${ports}`, 'FIELD_QUESTIONABLE spec.hosts[0]'],
    [`hosts: ["*.a.b"], ${ports}, resolution: DNS`, 'FIELD_VALUE spec.hosts[0]'],
    [`hosts: [a.b], ${ports}, endpoints: [{address: 1.1.1.1}]`, 'FIELD_VALUE spec.endpoints'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: a.b}]`,
      'FIELD_VALUE spec.endpoints[0].address',
    ],
    [`hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{}]`, 'FIELD_REQUIRED spec.endpoints[0].address'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {x: 1}}]`,
      'FIELD_VALUE spec.endpoints[0].ports.x',
    ],
    [`hosts: [a.b], ${ports}, resolution: DNS, addresses: [10.0.0.0/8]`, 'FIELD_VALUE spec.addresses[0]'],
    [
      `hosts: [a.b], ${ports}, resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}, {address: c.d}]`,
      'FIELD_VALUE spec.endpoints',
    ],
    ['hosts: [a.b], ports: [{number: 80, name: a}, {number: 80, name: b}]', 'FIELD_VALUE spec.ports[1].number'],
    ['hosts: [a.b], ports: [{number: 80, name: a}, {number: 81, name: a}]', 'FIELD_VALUE spec.ports[1].name'],
    ['hosts: [a.b], ports: [{number: 80, name: a.b}]', 'FIELD_VALUE spec.ports[0].name'],
    ['hosts: [a.b], ports: [{number: 80, name: a, protocol: nope}]', 'FIELD_VALUE spec.ports[0].protocol'],
    ['hosts: [a.b, c.d], resolution: DNS, ports: [{number: 80, name: a, protocol: TCP}]', 'FIELD_VALUE spec.ports[0]'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: []`,
      'FIELD_CONFLICT spec.endpoints',
    ],
    [`hosts: [a.b], ${ports}, workloadSelector: {labels: {a: b}}`, 'FIELD_NO_EFFECT spec.workloadSelector'],
    [
      'hosts: [a.b], ports: [{number: 1, name: t, protocol: TCP}], resolution: DYNAMIC_DNS',
      'FIELD_VALUE spec.hosts[0]',
      'FIELD_VALUE spec.ports[0].protocol',
    ],
  ])('refuses %s', (fields, ...problems) => expect(check(fields)).toEqual(problems))
})

describe('A host looked up per request', () => {
  const entry = (label: string, location: string) =>
    brief(
      checkYaml(
        kindYaml(
          'networking.istio.io/v1',
          'ServiceEntry',
          `{hosts: ["*.a.b"], location: ${location}, resolution: DYNAMIC_DNS, ports: [{number: 80, name: http, protocol: HTTP}]}`,
        ).replace('name: test', `name: test\n  labels: {istio.io/use-waypoint: ${label}}`),
      ),
    )
  it('cannot be inside the mesh behind a waypoint', () => {
    expect(entry('shared', 'MESH_INTERNAL')).toEqual(['FIELD_VALUE spec.location'])
    expect(entry('None', 'MESH_INTERNAL')).toEqual([])
    expect(entry('shared', 'MESH_EXTERNAL')).toEqual([])
  })
})

describe('WorkloadGroup', () => {
  it('is told of labels that workloads cannot have, but may hold them', () =>
    expect(checkNetworking('WorkloadGroup', '{template: {labels: {app: a/b}}}')).toEqual([
      'FIELD_QUESTIONABLE spec.template.labels.app',
    ]))
})

describe('WasmPlugin', () => {
  const url = (text: string) => checkSpec('extensions.istio.io/v1alpha1', 'WasmPlugin', `{url: "${text}"}`)
  it.each(['ghcr.io/a/b:v1', 'oci://localhost:5000/a', '10.0.0.1:5000/a', '/opt/a.wasm'])(
    'is fetched from %s',
    (text) => expect(url(text)).toEqual([]),
  )
  it.each(['localhost:5000/a', 'ftp://a/b', 'a b'])('is not fetched from %s', (text) =>
    expect(url(text)).toEqual(['FIELD_VALUE spec.url']),
  )
})

describe('Sidecar', () => {
  const check = (fields: string) => checkNetworking('Sidecar', `{${fields}}`)
  const ingress = (fields: string) =>
    check(`ingress: [{port: {number: 90, protocol: http, name: foo}, ${fields}}], egress: [{hosts: ["./*"]}]`)
  it.each([
    'egress: [{hosts: ["./*", "istio-system/*"]}]',
    'ingress: [{port: {number: 90, protocol: http, name: foo}, defaultEndpoint: "127.0.0.1:99"}]',
    'egress: [{port: {number: 8888, protocol: http, name: foo}, hosts: ["*/foo.com"]}, {hosts: ["ns/bar.com"]}]',
    'egress: [{port: {number: 0, protocol: http, name: foo}, bind: unix:///x, hosts: ["*/*"]}]',
    'outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 80}}}',
    'workloadSelector: {labels: {app: a}}, egress: [{hosts: ["~/*"]}]',
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it.each([
    ['', 'FIELD_VALUE spec'],
    ['egress: [{captureMode: IPTABLES, hosts: ["*/*"]}]', 'FIELD_UNSUPPORTED spec.egress[0].captureMode'],
    ['egress: [{hosts: []}]', 'FIELD_VALUE spec.egress[0].hosts'],
    ['egress: [{hosts: [foo.com]}]', 'FIELD_VALUE spec.egress[0].hosts[0]'],
    ['egress: [{hosts: ["*/*"]}, {hosts: ["*/*"]}]', 'FIELD_VALUE spec.egress[0]'],
    ['egress: [{hosts: ["./a.b", "default/a.b"]}]', 'FIELD_QUESTIONABLE spec.egress[0].hosts[1]'],
    ['egress: [{port: {number: 0, protocol: http}, hosts: ["*/*"]}]', 'FIELD_VALUE spec.egress[0].bind'],
    [
      'egress: [{port: {number: 8, protocol: http, name: a}, hosts: ["*/*"]}, {port: {number: 8, name: b}, hosts: ["*/*"]}]',
      'FIELD_VALUE spec.egress[1].port.number',
    ],
    [
      'egress: [{port: {number: 8, targetPort: 9}, hosts: ["*/*"]}]',
      'FIELD_DEPRECATED spec.egress[0].port.targetPort',
      'FIELD_VALUE spec.egress[0].port.targetPort',
    ],
    [
      'outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 80}}}',
      'FIELD_VALUE spec.outboundTrafficPolicy.egressProxy',
    ],
    [
      'outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b}}',
      'FIELD_REQUIRED spec.outboundTrafficPolicy.egressProxy.port',
    ],
  ])('refuses %s', (fields, ...problems) => expect(check(fields)).toEqual(problems))

  it.each([
    ['defaultEndpoint: "1.1.1.1:90"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['defaultEndpoint: "127.0.0.1:x"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['defaultEndpoint: "127.0.0.1:70000"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['tls: {mode: SIMPLE, serverCertificate: a, privateKey: b}', 'FIELD_VALUE spec.ingress[0].tls'],
    ['bind: a.b', 'FIELD_VALUE spec.ingress[0].bind'],
  ])('ingress %s', (fields, problem) => expect(ingress(fields)).toEqual([problem]))
})

describe('EnvoyFilter', () => {
  const patch = (fields: string) =>
    checkSpec('networking.istio.io/v1alpha3', 'EnvoyFilter', `{configPatches: [{${fields}}]}`)
  const AT = 'spec.configPatches[0]'
  it.each([
    ['', `FIELD_REQUIRED ${AT}.applyTo`],
    ['applyTo: CLUSTER', `FIELD_REQUIRED ${AT}.patch`],
    ['applyTo: CLUSTER, patch: {operation: MERGE}', `FIELD_REQUIRED ${AT}.patch.value`],
    ['applyTo: CLUSTER, match: {listener: {}}, patch: {operation: REMOVE}', `FIELD_VALUE ${AT}.match.listener`],
    [
      'applyTo: CLUSTER, match: {proxy: {proxyVersion: "*"}}, patch: {operation: REMOVE}',
      `FIELD_VALUE ${AT}.match.proxy.proxyVersion`,
    ],
    [
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: soon}}',
      `ENVOY_VALUE ${AT}.patch.value.connect_timeout`,
    ],
    [
      'applyTo: HTTP_ROUTE, patch: {operation: MERGE, value: {route: {cluster: a, cluster_header: b}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.route.cluster_header`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {a: b}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: NETWORK_FILTER, match: {listener: {filterChain: {filter: {name: x, subFilter: {name: y}}}}}, patch: {operation: REMOVE}',
      `FIELD_VALUE ${AT}.match.listener.filterChain.filter.subFilter`,
    ],
    [
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {conect_timeout: 1s}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.conect_timeout`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.no.v3.No}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/acme.Filter}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": Router}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config["@type"]`,
    ],
  ])('%s', (fields, problem) => expect(patch(fields)).toEqual([problem]))

  it('takes durations as Go writes them, and matches of filters where no filter chain is', () => {
    const said = patch(
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 500ms, cleanup_interval: 1h2m}}',
    )
    expect(said).toEqual(patch('applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 0.5s}}'))
    const match = 'match: {listener: {filterChain: {filter: {name: x, subFilter: {name: y}}}}}'
    expect(patch(`applyTo: LISTENER_FILTER, ${match}, patch: {operation: MERGE, value: {name: x}}`)).toEqual(said)
  })
})

describe('AuthorizationPolicy', () => {
  const check = (spec: string) => checkSpec('security.istio.io/v1', 'AuthorizationPolicy', spec)
  it.each([
    ['{action: DENY}', 'FIELD_REQUIRED spec.rules'],
    ['{action: CUSTOM, rules: [{}]}', 'FIELD_REQUIRED spec.provider.name'],
    ['{provider: {name: x}}', 'FIELD_VALUE spec.provider'],
    ['{action: DENY, rules: []}', 'FIELD_REQUIRED spec.rules'],
    ['{rules: [{from: []}]}', 'FIELD_QUESTIONABLE spec.rules[0].from'],
    ['{rules: [{from: [{}]}]}', 'FIELD_REQUIRED spec.rules[0].from[0].source'],
    ['{rules: [{from: [{source: {}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source'],
    ['{rules: [{from: [{source: {ipBlocks: [1.2.3]}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source.ipBlocks[0]'],
    ['{rules: [{from: [{source: {principals: [""]}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source.principals[0]'],
    [
      '{rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}',
      'FIELD_VALUE spec.rules[0].from[0].source.serviceAccounts[0]',
    ],
    ['{rules: [{to: [{operation: {ports: ["70000"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.ports[0]'],
    ['{rules: [{to: [{operation: {paths: ["/{**}/a/{*}"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.paths[0]'],
    ['{rules: [{to: [{operation: {paths: ["/{a}"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.paths[0]'],
    ['{rules: [{when: [{key: source.ip}]}]}', 'FIELD_VALUE spec.rules[0].when[0]'],
    ['{rules: [{when: [{key: source.ip, values: [x]}]}]}', 'FIELD_VALUE spec.rules[0].when[0].values[0]'],
    ['{rules: [{when: [{key: nothing, values: [x]}]}]}', 'FIELD_VALUE spec.rules[0].when[0].key'],
    ['{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}', 'FIELD_QUESTIONABLE spec.rules[0]'],
  ])('%s', (spec, problem) => expect(check(spec)).toEqual([problem]))
})

describe('Telemetry filters', () => {
  const check = (expression: string) =>
    checkSpec(
      'telemetry.istio.io/v1',
      'Telemetry',
      `{accessLogging: [{filter: {expression: ${JSON.stringify(expression)}}}]}`,
    )
  it.each([
    'response.code >= 400',
    'has(response.code) && !(a.b in ["x", \'y\'])',
    'a ? b : -c',
    '.a.b == {"k": 1u}["k"]',
    'request.headers["x-y"].startsWith("(")',
    'xds.cluster_name == "BlackHoleCluster" || xds.node.id != r"\\d"',
  ])('takes %s', (expression) => expect(check(expression)).toEqual([]))
  it.each(['', 'a &&', '(a', 'a)', 'a === b', 'a = b', '"x', 'a & b', 'response.code 400', '400 >='])(
    'refuses %s',
    (expression) => expect(check(expression)).toEqual(['FIELD_VALUE spec.accessLogging[0].filter.expression']),
  )
})

describe('Mesh', () => {
  const check = (spec: string) => checkSpec('meshgate.io/v1', 'Mesh', spec)
  it('takes what up needs', () =>
    expect(
      check(
        '{httpPort: 0, outboundTrafficPolicy: {mode: ALLOW_ANY}, proxies: [{node: a, metadata: {LABELS: {app: a}}}], processes: [{name: a, command: [node, a.mjs], readyPort: 80}]}',
      ),
    ).toEqual([]))
  it.each([
    ['{httpPort: 70000}', 'FIELD_VALUE spec.httpPort'],
    ['{rootNamespace: a.b}', 'FIELD_VALUE spec.rootNamespace'],
    ['{defaultServiceExportTo: ["*", a]}', 'FIELD_VALUE spec.defaultServiceExportTo'],
    ['{proxies: [{node: a}, {node: a}]}', 'FIELD_VALUE spec.proxies[1].node'],
    ['{processes: [{name: a, command: []}]}', 'FIELD_VALUE spec.processes[0].command'],
    ['{defaultHttpRetryPolicy: {attempts: 0, retryOn: 5xx}}', 'FIELD_VALUE spec.defaultHttpRetryPolicy.attempts'],
  ])('%s', (spec, problem) => expect(check(spec)).toEqual([problem]))
})
