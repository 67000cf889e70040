import { beforeAll, describe, expect, test } from 'vitest'
import { grpcBootstrap } from '../../controlplane/bootstrap/grpc.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { callWith, grpcBackend, pythonGrpc } from '../helpers/grpc-programs.ts'
import { requireTool } from '../helpers/tools.ts'

const LIBRARIES = ['grpcio', 'grpc-js'] as const

let controlPlane: ControlPlane

const service = (name: string, resolution: string, endpoints: string, policy: string) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.test]
  ports: [{number: 50051, name: grpc, protocol: GRPC}]
  resolution: ${resolution}
  location: MESH_INTERNAL
  endpoints: ${endpoints}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}}
spec: {host: ${name}.test, trafficPolicy: ${policy}}
`

beforeAll(async () => {
  const [v1, v2] = await Promise.all([grpcBackend('v1'), grpcBackend('v2')])
  const both = `[{address: 127.0.0.1, ports: {grpc: ${v1.port}}}, {address: 127.0.0.1, ports: {grpc: ${v2.port}}}]`
  controlPlane = await startControlPlane(
    [
      service('ring', 'STATIC', both, '{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}'),
      service(
        'least',
        'STATIC',
        both,
        '{loadBalancer: {simple: LEAST_REQUEST, warmup: {duration: 1s}}, outlierDetection: {}, proxyProtocol: {}, connectionPool: {http: {http2MaxRequests: 100, idleTimeout: 3s}}}',
      ),
      service('name', 'DNS', `[{address: localhost, ports: {grpc: ${v1.port}}}]`, '{}'),
      service('socket', 'STATIC', `[{address: "unix:///x"}, {address: 127.0.0.1, ports: {grpc: ${v2.port}}}]`, '{}'),
      service('refused', 'STATIC', both, '{tls: {mode: SIMPLE}}'),
    ].join(''),
  )
})

describe.each(LIBRARIES)('clusters in %s', (library) => {
  const call = (name: string, calls = 20) =>
    callWith(
      library,
      grpcBootstrap({
        node: { id: 'sidecar~127.0.0.1~client.default~default.svc.cluster.local' },
        xds: { host: '127.0.0.1', port: controlPlane.port },
      }),
      `xds:///${name}.test:50051`,
      calls,
      ['x-user=jason'],
    )

  test('every cluster is accepted; what gRPC cannot do fails alone', async (context) => {
    const found = library !== 'grpcio' || (await pythonGrpc()) !== undefined
    requireTool(context, 'grpcio', found, 'install Python 3 with pip')
    const [ring, least, name, socket, refused] = await Promise.all([
      call('ring'),
      call('least', 40),
      call('name'),
      call('socket'),
      call('refused', 1),
    ])
    expect(Object.values(ring.served)).toEqual([20])
    expect(least.errors).toEqual({})
    expect(Object.keys(least.served).sort()).toEqual(['v1', 'v2'])
    expect(name).toMatchObject({ served: { v1: 20 }, errors: {} })
    expect(socket).toMatchObject({ served: { v2: 20 }, errors: {} })
    expect(refused.served).toEqual({})
    expect(Object.keys(refused.errors)[0]).toMatch(/^UNAVAILABLE/)
    const nacks = controlPlane.server.status
      .clients()
      .flatMap((client) => client.types.flatMap((type) => (type.nack ? [type.nack.message] : [])))
    expect(nacks).toEqual([])
  })
})
