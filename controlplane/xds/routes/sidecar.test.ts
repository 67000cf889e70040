import { describe, expect, it } from 'vitest'
import { hostOf, services, table, virtualService, world } from './fixture.ts'
import { compileRouteConfiguration, routeConfigurationNames } from './index.ts'

const entry = (name: string, host: string, ports: string, more = '') => `---
kind: ServiceEntry
metadata: {name: ${name}}
spec: {hosts: ["${host}"], resolution: STATIC, ports: [${ports}]${more}}
`
const http = (number: number) => `{number: ${number}, name: http-${number}, protocol: HTTP}`
const sidecar = (spec: string) => `---\nkind: Sidecar\nmetadata: {name: default}\nspec: ${spec}\n`
const clusterOf = (json: unknown, domain: string) => hostOf(json, domain)?.routes[0].route.cluster

describe('http_proxy', () => {
  it('a service is known by its full and short names, with its port, without when it is 80', () => {
    expect(hostOf(table(services()), 'reviews')).toMatchObject({
      name: 'reviews.default.svc.cluster.local:80',
      domains: [
        'reviews.default.svc.cluster.local',
        'reviews.default.svc.cluster.local:80',
        'reviews',
        'reviews:80',
        'reviews.default',
        'reviews.default:80',
        'reviews.default.svc',
        'reviews.default.svc:80',
      ],
    })
  })

  it('each port has its own virtual host; without a port the authority means 80, else the first HTTP port', () => {
    const json = table(
      services() +
        entry('a', 'a.test', `${http(8080)}, ${http(80)}`) +
        entry('b', 'b.test', `{number: 1, name: tcp, protocol: TCP}, ${http(8081)}, ${http(8080)}`),
    )
    expect(clusterOf(json, 'a.test')).toBe('outbound|80||a.test')
    expect(clusterOf(json, 'a.test:8080')).toBe('outbound|8080||a.test')
    expect(clusterOf(json, 'b.test')).toBe('outbound|8081||b.test')
    expect(clusterOf(json, 'b.test:8080')).toBe('outbound|8080||b.test')
    expect(clusterOf(json, 'ratings:9090')).toBe('outbound|9090||ratings.default.svc.cluster.local')
    expect(hostOf(json, 'b.test:1')).toBeUndefined()
    expect(json.ignorePortInHostMatching).toBeUndefined()
  })

  it('virtual addresses are names, too; CIDRs are not', () => {
    const json = table(entry('a', 'a.test', http(80), ', addresses: [10.0.0.1, "2001:db8::1", 10.1.0.0/16]'))
    expect(hostOf(json, 'a.test').domains).toEqual([
      'a.test',
      'a.test:80',
      '10.0.0.1',
      '10.0.0.1:80',
      '[2001:db8::1]',
      '[2001:db8::1]:80',
    ])
  })

  it('a service with a bare name keeps it from the short form of another', () => {
    const json = table(services() + entry('z', 'reviews', http(80)))
    expect(clusterOf(json, 'reviews')).toBe('outbound|80||reviews')
    expect(clusterOf(json, 'reviews.default')).toBe('outbound|80||reviews.default.svc.cluster.local')
  })

  it('wildcard services match by suffix, with the port as well', () => {
    expect(hostOf(table(entry('w', '*.wild.test', http(80))), '*.wild.test').domains).toEqual([
      '*.wild.test',
      '*.wild.test:80',
    ])
  })

  it('a default route goes to the cluster, without time limit, with the default retries', () => {
    const [route] = hostOf(table(services()), 'details').routes
    expect(route).toMatchObject({
      name: 'default',
      match: { prefix: '/' },
      route: {
        cluster: 'outbound|80||details.default.svc.cluster.local',
        timeout: '0s',
        retryPolicy: { numRetries: 2 },
      },
    })
  })

  it('unknown hosts: 502 by default, passed through with ALLOW_ANY; a Sidecar may say otherwise', () => {
    const last = (documents: string) => table(services() + documents).virtualHosts.at(-1)
    const mesh = '---\nkind: Mesh\nmetadata: {name: mesh}\nspec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n'
    expect(last('')).toMatchObject({ name: 'block_all', domains: ['*'], routes: [{ directResponse: { status: 502 } }] })
    expect(last(mesh)).toMatchObject({ name: 'allow_any', routes: [{ route: { cluster: 'PassthroughCluster' } }] })
    expect(last(mesh + sidecar('{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}')).name).toBe('block_all')
    expect(
      last(sidecar('{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: details}}}')).routes[0].route.cluster,
    ).toBe('outbound|80||details.default.svc.cluster.local')
  })
})

describe('rules and hosts', () => {
  const to = (subset: string, match = '') =>
    `- ${match ? `match: [${match}]\n  ` : ''}route: [{destination: {host: reviews, subset: ${subset}}}]`
  const subset = (json: unknown, domain: string) => /\|(\w*)\|/.exec(clusterOf(json, domain).slice(9))?.[1]

  it('the first VirtualService of a host counts; one whose rules cannot match here leaves it to the next', () => {
    const first = virtualService(to('v1'), 'a')
    const second = virtualService(to('v2'), 'b')
    expect(subset(table(services() + first + second), 'reviews')).toBe('v1')
    const elsewhere = virtualService(to('v1', '{sourceLabels: {app: x}}'), 'a')
    expect(subset(table(services() + elsewhere + second), 'reviews')).toBe('v2')
    expect(hostOf(table(services() + elsewhere), 'reviews').routes[0].name).toBe('default')
  })

  it('the most specific wildcard counts, and only where no rule names the host', () => {
    const wide = virtualService(to('v1'), 'a', 'hosts: ["*.cluster.local"]')
    const narrow = virtualService(to('v2'), 'b', 'hosts: ["*.default.svc.cluster.local"]')
    const json = table(services() + wide + narrow)
    expect(subset(json, 'reviews')).toBe('v2')
    expect(hostOf(json, '*.cluster.local')).toBeUndefined()
    expect(subset(table(services() + narrow + virtualService(to('v1'), 'c')), 'reviews')).toBe('v1')
  })

  it('a host of a rule without a service is one of port 80, as in Istio', () => {
    const json = table(services() + virtualService(to('v1'), 'a', 'hosts: [www.test, "*.more.test"]'))
    expect(hostOf(json, 'www.test')).toMatchObject({ name: 'www.test:80', domains: ['www.test', 'www.test:80'] })
    expect(hostOf(json, '*.more.test').domains).toEqual(['*.more.test', '*.more.test:80'])
  })

  it('beside a service it is one of the ports of the service, too, and rules are those of the port', () => {
    const rules = `- match: [{port: 9090}]\n  directResponse: {status: 200}\n${to('v1')}`
    const json = table(services() + virtualService(rules, 'a', 'hosts: [ratings, www.test, "*.more.test"]'))
    for (const host of ['www.test', '*.more.test']) {
      expect(hostOf(json, `${host}:9090`).routes[0].directResponse).toBeDefined()
      expect(clusterOf(json, `${host}:9080`)).toBe('outbound|80|v1|reviews.default.svc.cluster.local')
      expect(hostOf(json, host).domains).toEqual([host, `${host}:80`])
    }
    expect(hostOf(json, 'www.test:1')).toBeUndefined()
  })

  it('a wildcard is a host of its own on ports that none of its services has', () => {
    const wide = virtualService(to('v1'), 'a', 'hosts: ["*.more.test"]')
    const json = table(services() + entry('more', 'x.more.test', http(8080)) + wide)
    expect(hostOf(json, '*.more.test').domains).toEqual(['*.more.test', '*.more.test:80'])
    expect(clusterOf(json, 'x.more.test:8080')).toBe('outbound|80|v1|reviews.default.svc.cluster.local')
  })

  it('a service without an HTTP port is as a host that only rules speak of', () => {
    const secure = entry('secure', 'secure.test', '{number: 443, name: tls, protocol: TLS}')
    const json = table(services() + secure + virtualService(to('v1'), 'a', 'hosts: [secure.test]'))
    expect(clusterOf(json, 'secure.test')).toBe('outbound|80|v1|reviews.default.svc.cluster.local')
  })

  it('a host of a rule may be an address', () => {
    const json = table(services() + virtualService(to('v1'), 'a', 'hosts: [10.0.0.9, "2001:db8::9"]'))
    expect(hostOf(json, '10.0.0.9').domains).toEqual(['10.0.0.9', '10.0.0.9:80'])
    expect(hostOf(json, '[2001:db8::9]').domains).toEqual(['[2001:db8::9]', '[2001:db8::9]:80'])
  })

  it('a rule for every host takes the place of the answer for unknown hosts', () => {
    const json = table(virtualService('- directResponse: {status: 200}', 'a', 'hosts: ["*"]'))
    expect(json.virtualHosts.map((host: { name: string }) => host.name)).toEqual(['*:80'])
  })

  it('rules are per port of the service', () => {
    const rules = '- match: [{port: 9090}]\n  directResponse: {status: 200}'
    const json = table(services() + virtualService(rules, 'a', 'hosts: [ratings]'))
    expect(hostOf(json, 'ratings:9090').routes[0].directResponse).toBeDefined()
    expect(hostOf(json, 'ratings:9080').routes[0].name).toBe('default')
  })

  it('rules of a gateway alone are not for sidecars', () => {
    const rules = virtualService(to('v1'), 'a', 'hosts: [reviews]\n  gateways: [edge]')
    expect(hostOf(table(services() + rules), 'reviews').routes[0].name).toBe('default')
  })
})

describe('Sidecar', () => {
  it('egress hosts limit what http_proxy knows, though rules may send further', () => {
    const rules = virtualService('- route: [{destination: {host: details}}]')
    const json = table(services() + rules + sidecar('{egress: [{hosts: ["./reviews.default.svc.cluster.local"]}]}'))
    expect(clusterOf(json, 'reviews')).toBe('outbound|80||details.default.svc.cluster.local')
    expect(hostOf(json, 'details')).toBeUndefined()
  })

  it('a rule that is imported holds for the service of a namespace that is not', () => {
    const foreign = entry('b', 'b.test', http(80)).replace('{name: b}', '{name: b, namespace: other}')
    const rules = virtualService('- timeout: 3s\n  route: [{destination: {host: b.test}}]', 'rules', 'hosts: [b.test]')
    const json = table(services() + foreign + rules + sidecar('{egress: [{hosts: ["./*"]}]}'))
    expect(hostOf(json, 'b.test').routes[0].route).toMatchObject({ cluster: 'outbound|80||b.test', timeout: '3s' })
    expect(hostOf(table(services() + foreign + sidecar('{egress: [{hosts: ["./*"]}]}')), 'b.test')).toBeUndefined()
  })

  it('an egress listener with a port has its own table of the services with that port, whatever port the caller names', () => {
    const yaml =
      services() +
      sidecar(
        '{egress: [{port: {number: 9080, protocol: HTTP, name: a}, hosts: ["./*"]}, {port: {number: 81, protocol: HTTP, name: b}, bind: 127.0.0.2, hosts: ["./*"]}, {hosts: ["./details.default.svc.cluster.local"]}]}',
      )
    expect(routeConfigurationNames(world(yaml).scope)).toEqual(['http_proxy', '9080', '127.0.0.2:81'])
    const json = table(yaml, '9080')
    expect(json.ignorePortInHostMatching).toBe(true)
    expect(json.virtualHosts.map((host: { domains: string[] }) => host.domains)).toEqual([
      ['ratings.default.svc.cluster.local', 'ratings', 'ratings.default', 'ratings.default.svc'],
      ['*'],
    ])
    expect(hostOf(table(yaml), 'details')).toBeDefined()
    expect(hostOf(table(yaml), 'reviews')).toBeUndefined()
  })

  it('ingress ports lead to the workload, without time limit', () => {
    const yaml = sidecar(
      '{ingress: [{port: {number: 8080, protocol: HTTP, name: http}, defaultEndpoint: "127.0.0.1:1"}, {port: {number: 1, protocol: TCP, name: tcp}}]}',
    )
    expect(routeConfigurationNames(world(yaml).scope)).toEqual(['http_proxy', 'inbound|8080||'])
    expect(table(yaml, 'inbound|8080||').virtualHosts).toMatchObject([
      {
        name: 'inbound|http|8080',
        domains: ['*'],
        routes: [
          { route: { cluster: 'inbound|8080||', timeout: '0s', retryPolicy: { retryOn: 'reset-before-request' } } },
        ],
      },
    ])
  })
})

describe('tables', () => {
  it('a name that is none has no table', () => {
    const { scope } = world(services())
    for (const name of ['', '8080', 'inbound|1||', 'http.80'])
      expect(compileRouteConfiguration(scope, name)).toBeUndefined()
  })

  it('a change of one rule compiles that rule alone', () => {
    const yaml = (weight: number) =>
      services() +
      virtualService('- route: [{destination: {host: details}}]', 'a', 'hosts: [details]') +
      virtualService(
        `- route: [{destination: {host: reviews, subset: v1}, weight: ${weight}}, {destination: {host: reviews, subset: v2}, weight: 1}]`,
        'b',
      )
    const { scope, replace } = world(yaml(1))
    const routes = () =>
      Object.fromEntries(
        compileRouteConfiguration(scope, 'http_proxy')!.virtualHosts.map((host) => [host.message.name, host.routes[0]]),
      )
    const before = routes()
    replace(yaml(2))
    const after = routes()
    const changed = Object.keys(after).filter((name) => after[name] !== before[name])
    expect(changed).toEqual(['reviews.default.svc.cluster.local:80', 'block_all'])
  })

  it('a service that comes, changes or goes, and a policy of one, make the virtual hosts of no other', () => {
    const service = (ports: string) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: more}
spec: {hosts: [more.test], resolution: STATIC, ports: [${ports}]}
`
    const hash = (header: string) => `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: details}
spec: {host: details, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: ${header}}}}}
`
    const { scope, replace } = world(services())
    const hosts = () =>
      new Map(compileRouteConfiguration(scope, 'http_proxy')!.virtualHosts.map((host) => [host.message.name, host]))
    let before = hosts()
    const changed = (yaml: string) => {
      replace(services() + yaml)
      const after = hosts()
      const names = [...new Set([...before.keys(), ...after.keys()])].filter(
        (name) => after.get(name) !== before.get(name),
      )
      before = after
      return names.filter((name) => name !== 'block_all')
    }
    const http = (number: number) => `{number: ${number}, name: http-${number}, protocol: HTTP}`
    expect(changed(service(http(80)))).toEqual(['more.test:80'])
    expect(changed(service(`${http(80)}, ${http(81)}`))).toEqual(['more.test:80', 'more.test:81'])
    expect(changed('')).toEqual(['more.test:80', 'more.test:81'])
    expect(changed(hash('x-user'))).toEqual(['details.default.svc.cluster.local:80'])
    expect(changed(hash('x-room'))).toEqual(['details.default.svc.cluster.local:80'])
    const { action } = before.get('details.default.svc.cluster.local:80')!.message.routes[0]!
    expect(action).toMatchObject({ value: { hashPolicy: [{ policySpecifier: { value: { headerName: 'x-room' } } }] } })
  })
})

describe('a proxyless gRPC client', () => {
  const grpc = { type: 'grpc', httpPort: 0 } as const

  it('has a table for each HTTP port, with one virtual host for every authority', () => {
    const { scope } = world(services(), grpc)
    expect(routeConfigurationNames(scope)).toContain('outbound|9090||ratings.default.svc.cluster.local')
    const json = table(services(), 'outbound|9090||ratings.default.svc.cluster.local', grpc)
    expect(json.virtualHosts).toMatchObject([
      { domains: ['*'], routes: [{ route: { cluster: 'outbound|9090||ratings.default.svc.cluster.local' } }] },
    ])
  })

  it('may ask for a host that only rules know', () => {
    const rules = virtualService('- route: [{destination: {host: reviews}}]', 'a', 'hosts: [www.test]')
    expect(table(services() + rules, 'outbound|80||www.test', grpc).virtualHosts).toHaveLength(1)
    expect(table(services() + rules, 'outbound|80||other.test', grpc)).toBeUndefined()
  })
})
