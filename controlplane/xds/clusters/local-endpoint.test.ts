import { describe, expect, test } from 'vitest'
import { clusterJson, scopeOf } from './fixture.ts'
import { clusterNames } from './index.ts'
import { localEndpoint } from './local-endpoint.ts'

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  [':8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:8080', { host: '127.0.0.1', port: 8080 }],
  ['[::]:8080', { host: '::1', port: 8080 }],
  ['unix:///run/app.sock', { host: 'unix:///run/app.sock', port: 0 }],
  ['unix://@app', { host: 'unix://@app', port: 0 }],
  ['10.0.0.1:8080', undefined],
  ['127.0.0.1', undefined],
  ['', undefined],
])('%s', (text, endpoint) => expect(localEndpoint(text)).toEqual(endpoint))

describe('defaultEndpoint of gateway servers', () => {
  const gateway = (...servers: readonly string[]) =>
    scopeOf(`kind: Gateway\nmetadata: {name: edge}\nspec: {servers: [${servers.join(', ')}]}`, { type: 'router' })
  const server = (port: number, endpoint: string, protocol = 'HTTP') =>
    `{port: {number: ${port}, name: p${port}, protocol: ${protocol}}, hosts: ["*"], defaultEndpoint: "${endpoint}"}`

  test('one cluster for each endpoint, whoever names it; what is no endpoint of this machine is ignored', () => {
    const scope = gateway(server(80, '127.0.0.1:1'), server(81, '127.0.0.1:1'), server(82, '10.0.0.1:1'))
    expect(clusterNames(scope).filter((name) => name.startsWith('default|'))).toEqual(['default|127.0.0.1:1'])
    expect(clusterJson(scope, 'default|10.0.0.1:1')).toBeUndefined()
  })

  test('a gRPC server speaks HTTP/2 to it', () => {
    const scope = gateway(server(80, 'unix:///run/app.sock', 'GRPC'))
    const cluster = clusterJson(scope, 'default|unix:///run/app.sock')
    expect(JSON.stringify(cluster.typedExtensionProtocolOptions)).toContain('http2ProtocolOptions')
    expect(cluster.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address).toEqual({
      pipe: { path: '/run/app.sock' },
    })
  })

  test('a server is no endpoint of its own', () => {
    const scope = gateway(server(80, '127.0.0.1:80'), server(81, '127.0.0.1:82'))
    expect(clusterNames(scope).filter((name) => name.startsWith('default|'))).toEqual(['default|127.0.0.1:82'])
  })

  test('sidecars have none', () => {
    const scope = scopeOf(`kind: Gateway\nmetadata: {name: edge}\nspec: {servers: [${server(80, '127.0.0.1:1')}]}`)
    expect(clusterNames(scope).filter((name) => name.startsWith('default|'))).toEqual([])
  })
})
