import { describe, expect, test } from 'vitest'
import { clusterJson, scopeOf } from './fixture.ts'
import { clusterNames, compileCluster } from './index.ts'

const sidecar = (listener: string, more = '') =>
  scopeOf(`kind: Sidecar\nmetadata: {name: s}\nspec:\n  ingress: [${listener}]\n  ${more}\n`)

describe('the default endpoint is the workload', () => {
  test.each([
    ['127.0.0.1:7070', { socketAddress: { address: '127.0.0.1', portValue: 7070 } }],
    ['0.0.0.0:7070', { socketAddress: { address: '127.0.0.1', portValue: 7070 } }],
    ['"[::1]:7070"', { socketAddress: { address: '::1', portValue: 7070 } }],
    ['"[::]:7070"', { socketAddress: { address: '::1', portValue: 7070 } }],
    ['unix:///run/app.sock', { pipe: { path: '/run/app.sock' } }],
    ['""', { socketAddress: { address: '127.0.0.1', portValue: 9080 } }],
  ])('%s', (defaultEndpoint, address) => {
    const scope = sidecar(`{port: {number: 9080, name: http}, defaultEndpoint: ${defaultEndpoint}}`)
    expect(clusterNames(scope)).toEqual(['inbound|9080||', 'BlackHoleCluster'])
    expect(clusterJson(scope, 'inbound|9080||')).toMatchObject({
      type: 'STATIC',
      loadAssignment: { clusterName: 'inbound|9080||', endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] },
    })
  })
})

test('limits of the port win over those of the workload', () => {
  const limits = (listener: string) =>
    clusterJson(sidecar(listener, 'inboundConnectionPool: {tcp: {maxConnections: 5}}'), 'inbound|9080||')
      .circuitBreakers.thresholds[0].maxConnections
  expect(limits('{port: {number: 9080, name: http}}')).toBe(5)
  expect(limits('{port: {number: 9080, name: http}, connectionPool: {tcp: {maxConnections: 2}}}')).toBe(2)
})

test('gRPC ports speak HTTP/2 to the workload', () => {
  const cluster = clusterJson(sidecar('{port: {number: 9080, protocol: GRPC, name: x}}'), 'inbound|9080||')
  expect(Object.values(cluster.typedExtensionProtocolOptions)).toMatchObject([
    { explicitHttpConfig: { http2ProtocolOptions: {} } },
  ])
})

test('the cluster names the listener it came from', () => {
  const scope = sidecar('{port: {number: 9080, name: http}}')
  expect(compileCluster(scope, 'inbound|9080||')!.origins).toMatchObject([{ path: ['spec', 'ingress', 0] }])
})
