import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { TcpProxySchema } from '../../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { configObjects } from '../../../test/helpers/objects.ts'
import { createModel, createScope } from '../../model/index.ts'
import { tcpProxy } from './tcp-proxy.ts'

/** The filter for `db.test`, split between its subsets a and b with these policies. */
function filter(a: string, b: string) {
  const model = createModel()
  model.world.commit(
    configObjects(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db}
spec: {hosts: [db.test], ports: [{number: 5432, name: tcp}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db}
spec: {host: db.test, subsets: [{name: a, trafficPolicy: ${a}}, {name: b, trafficPolicy: ${b}}]}
`),
  )
  const scope = createScope(model, {
    key: 'test',
    type: 'sidecar',
    namespace: 'default',
    labels: {},
    locality: undefined,
    httpPort: 0,
    secretsAllowed: true,
  })
  const targets = ['a', 'b'].map((subset) => ({ cluster: `outbound|5432|${subset}|db.test`, weight: 50 }))
  return fromBinary(TcpProxySchema, tcpProxy(scope, 'db', targets).filter.config.value)
}

const tcp = (settings: string) => `{connectionPool: {tcp: {${settings}}}}`

describe('a split between clusters whose rules differ', () => {
  it.each([
    ['the longer idle time', 'idleTimeout: 1s', 'idleTimeout: 5s', 5n],
    ["Envoy's hour counts for a rule that says nothing", 'idleTimeout: 1s', '', 3600n],
    ['0s is for ever', 'idleTimeout: 0s', 'idleTimeout: 5s', 0n],
    ['nothing said', '', '', undefined],
  ])('%s', (_what, a, b, seconds) => {
    expect(filter(tcp(a), tcp(b)).idleTimeout?.seconds).toBe(seconds)
  })

  it('no connection is ended by the longest life of another cluster', () => {
    const life = (a: string, b: string) => filter(tcp(a), tcp(b)).maxDownstreamConnectionDuration?.seconds
    expect(life('maxConnectionDuration: 10s', 'maxConnectionDuration: 20s')).toBe(20n)
    expect(life('maxConnectionDuration: 10s', '')).toBeUndefined()
  })

  it('hashes by source address when one of them does', () => {
    const hashing = '{loadBalancer: {consistentHash: {useSourceIp: true}}}'
    expect(filter(hashing, '{}').hashPolicy).toMatchObject([{ policySpecifier: { case: 'sourceIp' } }])
    expect(filter('{}', '{}').hashPolicy).toEqual([])
  })

  it('tunnels when the tunnel is the same', () => {
    const tunnel = (port: number) => `{tunnel: {targetHost: "2001:db8::1", targetPort: ${port}}}`
    expect(filter(tunnel(443), tunnel(443)).tunnelingConfig).toMatchObject({ hostname: '[2001:db8::1]:443' })
    expect(filter(tunnel(443), tunnel(444)).tunnelingConfig).toBeUndefined()
  })
})
