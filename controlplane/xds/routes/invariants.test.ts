import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Route } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode } from '../../../proto/make.ts'
import { clusterNames } from '../clusters/index.ts'
import { world } from './fixture.ts'
import { compileRouteConfiguration, routeConfigurationNames } from './index.ts'

/** Small worlds of few names, so that everything collides with everything. */
const host = fc.constantFrom(
  'a',
  'b',
  'a.default.svc.cluster.local',
  'b.other.svc.cluster.local',
  'www.test',
  '*.test',
  '*',
)
const namespace = fc.constantFrom('default', 'other')
const port = fc.constantFrom(80, 81, 82)
const subset = fc.constantFrom(undefined, 'v1', 'v2')

const destination = fc.record({ host, subset, port: fc.option(fc.record({ number: port }), { nil: undefined }) })
const rule = fc.record({
  match: fc.option(
    fc.array(
      fc.record({
        uri: fc.constantFrom(undefined, { prefix: '/' }, { exact: '/x' }),
        port: fc.option(port, { nil: undefined }),
        gateways: fc.constantFrom(undefined, ['mesh'], ['default/edge']),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    { nil: undefined },
  ),
  route: fc.array(fc.record({ destination, weight: fc.nat(3) }), { minLength: 1, maxLength: 3 }),
  mirror: fc.option(destination, { nil: undefined }),
})
const documents = fc.record({
  services: fc.array(fc.record({ host, namespace, ports: fc.uniqueArray(port, { minLength: 1 }), tcp: fc.boolean() }), {
    maxLength: 5,
  }),
  rules: fc.array(
    fc.record({
      hosts: fc.array(host, { minLength: 1, maxLength: 3 }),
      namespace,
      gateways: fc.constantFrom(undefined, ['mesh'], ['default/edge'], ['mesh', 'default/edge']),
      http: fc.array(rule, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 4 },
  ),
  subsets: fc.array(host, { maxLength: 2 }),
  servers: fc.array(fc.record({ hosts: fc.array(host, { minLength: 1, maxLength: 2 }), port }), { maxLength: 3 }),
  egress: fc.option(
    fc.array(
      fc.record({
        hosts: fc.array(fc.constantFrom('./*', '*/*', 'other/*', '*/a.default.svc.cluster.local'), { minLength: 1 }),
        port: fc.option(fc.record({ number: port, protocol: fc.constant('HTTP'), name: fc.constant('http') }), {
          nil: undefined,
        }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    { nil: undefined },
  ),
})

function yamlOf(value: typeof documents extends fc.Arbitrary<infer T> ? T : never): string {
  const document = (kind: string, name: string, spec: object, inNamespace = 'default') =>
    `---\n${JSON.stringify({ apiVersion: 'v1', kind, metadata: { name, namespace: inNamespace }, spec })}\n`
  return [
    ...value.services.map(({ host: name, namespace: owner, ports, tcp }, index) =>
      document(
        'ServiceEntry',
        `s${index}`,
        {
          hosts: [name],
          resolution: 'STATIC',
          ports: ports.map((number) => ({ number, name: `p${number}`, protocol: tcp ? 'TCP' : 'HTTP' })),
        },
        owner,
      ),
    ),
    ...value.rules.map(({ namespace: owner, ...spec }, index) => document('VirtualService', `v${index}`, spec, owner)),
    ...value.subsets.map((name, index) =>
      document('DestinationRule', `d${index}`, { host: name, subsets: [{ name: 'v1', labels: { v: '1' } }] }),
    ),
    document('Gateway', 'edge', {
      servers: value.servers.map(({ hosts, port: number }) => ({
        hosts,
        port: { number, name: `p${number}`, protocol: 'HTTP' },
      })),
    }),
    ...(value.egress ? [document('Sidecar', 'default', { egress: value.egress })] : []),
  ].join('')
}

function clustersOf(route: Route): readonly string[] {
  if (route.action.case !== 'route') return []
  const { clusterSpecifier, requestMirrorPolicies } = route.action.value
  const targets =
    clusterSpecifier.case === 'cluster'
      ? [clusterSpecifier.value]
      : clusterSpecifier.case === 'weightedClusters'
        ? clusterSpecifier.value.clusters.map(({ name }) => name)
        : []
  return [...targets, ...requestMirrorPolicies.map(({ cluster }) => cluster)]
}

it.each(['sidecar', 'router'] as const)(
  'whatever the documents say: no domain twice, no cluster that is not there, no empty split (%s)',
  (type) => {
    fc.assert(
      fc.property(documents, (value) => {
        const { scope } = world(yamlOf(value), { type, httpPort: type === 'sidecar' ? 15080 : 0 })
        const known = new Set(clusterNames(scope))
        for (const name of routeConfigurationNames(scope)) {
          const { message, bytes } = compileRouteConfiguration(scope, name)!
          const domains = message.virtualHosts.flatMap((host) => host.domains.map((domain) => domain.toLowerCase()))
          expect(domains).toHaveLength(new Set(domains).size)
          expect(message.virtualHosts.length).toBeGreaterThan(0)
          for (const virtualHost of message.virtualHosts) {
            expect(virtualHost.domains.length).toBeGreaterThan(0)
            for (const route of virtualHost.routes) {
              expect(route.action.case).toBeDefined()
              for (const cluster of clustersOf(route)) expect(known).toContain(cluster)
              if (route.action.case === 'route') expect(clustersOf(route)).not.toEqual([])
            }
          }
          expect(Buffer.from(bytes).equals(encode(RouteConfigurationSchema, message))).toBe(true)
        }
      }),
      { numRuns: 150 },
    )
  },
)
