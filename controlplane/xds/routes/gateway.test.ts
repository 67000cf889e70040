import { describe, expect, it } from 'vitest'
import { hostOf, services, table, virtualService, world } from './fixture.ts'
import { gatewayServers, routeConfigurationNames } from './index.ts'

const ROUTER = { type: 'router', namespace: 'edge', httpPort: 0, labels: { app: 'edge' } } as const

const gateway = (servers: string, name = 'gw', namespace = 'default') => `---
kind: Gateway
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {app: edge}
  servers:
${servers.trim().replace(/^/gm, '  ')}
`
const plain = (hosts: string, port = 80, more = '') =>
  `- {port: {number: ${port}, name: http, protocol: HTTP}, hosts: [${hosts}]${more}}\n`
const rules = (hosts: string, http = '- route: [{destination: {host: reviews}}]', name = 'rules') =>
  virtualService(http, name, `hosts: [${hosts}]\n  gateways: [gw]`)
const domains = (json: { virtualHosts: { domains: string[] }[] }) => json.virtualHosts.map((host) => host.domains)
const at80 = (documents: string) => table(services() + documents, 'http.80', ROUTER)

describe('hosts', () => {
  it.each([
    ['www.test', 'www.test', ['www.test']],
    ['"*.test"', 'www.test', ['www.test']],
    ['www.test', '"*.test"', ['www.test']],
    ['"*"', 'www.test', ['www.test']],
    ['"*"', '"*"', ['*']],
    ['./www.test', 'www.test', ['www.test']],
    ['default/www.test', 'www.test', ['www.test']],
    ['"*/www.test"', 'www.test', ['www.test']],
    ['other/www.test', 'www.test', undefined],
    ['a.test', 'b.test', undefined],
  ])('server %s and rule %s share %s', (server, rule, expected) => {
    const json = at80(gateway(plain(server)) + rules(rule))
    expect(domains(json)).toEqual(expected ? [expected] : [['*']])
    if (!expected) expect(json.virtualHosts[0]).toMatchObject({ name: 'blackhole:80' })
  })

  it('hosts with the same rules share a virtual host; ports in the authority do not count', () => {
    const json = at80(gateway(plain('"*.test"')) + rules('b.test, a.test, longer.test'))
    expect(json.virtualHosts).toMatchObject([{ name: 'longer.test:80', domains: ['longer.test', 'a.test', 'b.test'] }])
    expect(json.ignorePortInHostMatching).toBe(true)
  })

  it('several VirtualServices of a host stand one after the other, the one that takes everything last', () => {
    const json = at80(
      gateway(plain('"*"')) +
        rules('a.test', '- name: all\n  route: [{destination: {host: reviews}}]', 'a') +
        rules('a.test', '- name: one\n  match: [{uri: {prefix: /x}}]\n  route: [{destination: {host: details}}]', 'b') +
        rules('a.test', '- name: never\n  route: [{destination: {host: details}}]', 'c'),
    )
    expect(hostOf(json, 'a.test').routes.map((route: { name: string }) => route.name)).toEqual(['one', 'all'])
  })

  it('rules apply by gateway, and by gateway in a match', () => {
    const json = at80(
      gateway(plain('"*"')) +
        virtualService(
          '- match: [{gateways: [mesh]}]\n  directResponse: {status: 201}\n- match: [{gateways: [gw]}]\n  directResponse: {status: 202}',
          'a',
          'hosts: [a.test]\n  gateways: [mesh, gw]',
        ) +
        virtualService('- directResponse: {status: 203}', 'b', 'hosts: [b.test]'),
    )
    expect(json.virtualHosts).toMatchObject([{ domains: ['a.test'], routes: [{ directResponse: { status: 202 } }] }])
  })

  it('a condition on labels and namespace of the caller is compared with those of the gateway, as in Istio', () => {
    const rule =
      '- match: [{sourceLabels: {app: edge}}]\n  directResponse: {status: 201}\n- match: [{sourceLabels: {app: shop}}, {sourceNamespace: shop}]\n  directResponse: {status: 202}'
    expect(hostOf(at80(gateway(plain('"*"')) + rules('a.test', rule)), 'a.test').routes).toMatchObject([
      { directResponse: { status: 201 } },
    ])
  })

  it('no rules at all: everything is 404', () => {
    expect(at80(gateway(plain('"*"'))).virtualHosts).toEqual([
      { name: 'blackhole:80', domains: ['*'], includeRequestAttemptCount: true },
    ])
  })

  it('a Gateway for other proxies has no table here', () => {
    expect(routeConfigurationNames(world(gateway(plain('"*"')), { ...ROUTER, labels: {} }).scope)).toEqual([])
  })
})

describe('https', () => {
  const tls = (hosts: string, name: string, mode = 'SIMPLE') =>
    `- {port: {number: 443, name: ${name}, protocol: HTTPS}, hosts: [${hosts}], tls: {mode: ${mode}, credentialName: c}}\n`

  it('httpsRedirect asks for TLS, of hosts without rules, too', () => {
    const json = at80(gateway(plain('a.test, ./b.test', 80, ', tls: {httpsRedirect: true}')) + rules('a.test'))
    expect(json.virtualHosts).toMatchObject([
      { domains: ['a.test'], requireTls: 'ALL', routes: [{}] },
      { domains: ['b.test'], requireTls: 'ALL' },
    ])
    expect(json.virtualHosts[1].routes).toBeUndefined()
  })

  it('each server that ends TLS has its own table; passed through there is none', () => {
    const yaml =
      services() +
      gateway(tls('a.test', 'a') + tls('b.test', 'b') + tls('c.test', 'c', 'PASSTHROUGH')) +
      rules('a.test, b.test')
    expect(routeConfigurationNames(world(yaml, ROUTER).scope)).toEqual([
      'https.443.a.gw.default',
      'https.443.b.gw.default',
    ])
    expect(domains(table(yaml, 'https.443.b.gw.default', ROUTER))).toEqual([['b.test']])
  })

  it('a redirect to the port of the request leaves out 443 over TLS', () => {
    const yaml =
      services() + gateway(tls('a.test', 'a')) + rules('a.test', '- redirect: {derivePort: FROM_REQUEST_PORT}')
    expect(table(yaml, 'https.443.a.gw.default', ROUTER).virtualHosts[0].routes[0].redirect).toEqual({})
  })
})

describe('servers that share a port', () => {
  const kinds = (servers: string) =>
    gatewayServers(world(gateway(servers), ROUTER).scope).map(({ server, kind }) => `${server.port.name} ${kind}`)
  const server = (name: string, protocol: string, hosts: string, more = '') =>
    `- {port: {number: 80, name: ${name}, protocol: ${protocol}}, hosts: [${hosts}]${more}}\n`
  const simple = ', tls: {mode: SIMPLE, credentialName: c}'

  it('plain HTTP servers share it', () => {
    expect(kinds(server('a', 'HTTP', 'a') + server('b', 'GRPC', 'b'))).toEqual(['a http', 'b http'])
  })

  it('of two that cannot the first counts, unless they listen on different addresses', () => {
    expect(kinds(server('a', 'HTTP', 'a') + server('b', 'TCP', 'b'))).toEqual(['a http'])
    expect(kinds(server('a', 'TCP', 'a') + server('b', 'TCP', 'b'))).toEqual(['a tcp'])
    expect(kinds(server('a', 'HTTP', 'a') + server('b', 'HTTPS', 'b', simple))).toEqual(['a http'])
    expect(kinds(server('a', 'HTTP', 'a') + server('b', 'TCP', 'b', ', bind: 127.0.0.2'))).toEqual(['a http', 'b tcp'])
  })

  it('servers with TLS share it by host', () => {
    expect(
      kinds(server('a', 'HTTPS', 'x', simple) + server('b', 'TLS', 'y') + server('c', 'HTTPS', 'x', simple)),
    ).toEqual(['a https', 'b tls'])
  })
})
