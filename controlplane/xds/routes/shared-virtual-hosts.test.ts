import { fromBinary, toJson } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { fullRegistry } from '../../../proto/registry.ts'
import type { Scope } from '../../model/index.ts'
import { world } from './fixture.ts'
import { compileRouteConfiguration } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON is free; tests name the paths they look at.
type Json = any

const entry = (host: string, more = '') => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: "${host.toLowerCase()}"}
spec: {hosts: ["${host}"], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}]${more}}
`
const many = (count: number) => Array.from({ length: count }, (_, index) => entry(`s${index}.test`)).join('')
const rule = (host: string, http: string) => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: "rule-${host}"}
spec: {hosts: ["${host}"], http: [${http}]}
`

/** A table as it is sent when two that are alike are worth it. */
function sent(yaml: string, more: { readonly worth?: number; readonly generation?: Scope['generation'] } = {}): Json {
  const { worth = 2, generation } = more
  const { scope } = world(yaml)
  const generations = generation && { generation, generations: () => generation }
  const { bytes } = compileRouteConfiguration({ ...scope, ...generations, sharesFrom: worth }, 'http_proxy')!
  return toJson(RouteConfigurationSchema, fromBinary(RouteConfigurationSchema, bytes), { registry: fullRegistry() })
}

const namesOf = (table: Json): readonly string[] => table.virtualHosts.map(({ name }: Json) => name)
const sharedOf = (table: Json) => table.virtualHosts.filter(({ name }: Json) => name.startsWith('shared-'))
const prefixesOf = (host: Json): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries<Json>(
      host.routes[1].route.inlineClusterSpecifierPlugin.extension.typedConfig.clusterMatcher.matcherTree.prefixMatchMap
        .map,
    ).map(([authority, { action }]) => [authority, action.typedConfig.cluster]),
  )
/** Each authority of a shared virtual host and the cluster it leads to: that of the longest prefix. */
const mapOf = (host: Json): Readonly<Record<string, string | undefined>> => {
  const prefixes = Object.entries(prefixesOf(host)).sort(([a], [b]) => b.length - a.length)
  return Object.fromEntries(
    host.domains.map((domain: string) => {
      const authority = domain.toLowerCase()
      return [authority, prefixes.find(([prefix]) => authority.startsWith(prefix))?.[1]]
    }),
  )
}
/** Each domain of a table and the cluster it leads to. */
const clustersOf = (table: Json) =>
  Object.fromEntries(
    table.virtualHosts.flatMap((host: Json) =>
      host.name.startsWith('shared-')
        ? Object.entries(mapOf(host))
        : host.domains.map((domain: string) => [domain.toLowerCase(), host.routes[0].route?.cluster]),
    ),
  )

it('virtual hosts that are alike are one, with each domain in a map to its cluster, and say what one alone says', () => {
  const table = sent(many(4))
  expect(namesOf(table)).toEqual(['block_all', 'shared-1'])
  const [shared] = sharedOf(table)
  expect(shared.domains).toHaveLength(8)
  const map = mapOf(shared)
  expect(Object.keys(prefixesOf(shared)).sort()).toEqual(['s0.test', 's1.test', 's2.test', 's3.test'])
  expect(map['s3.test']).toBe('outbound|80||s3.test')
  expect(map['s3.test:80']).toBe('outbound|80||s3.test')
  const { cluster: _, ...alone } = sent(many(1)).virtualHosts[0].routes[0].route
  const { inlineClusterSpecifierPlugin: __, ...together } = shared.routes[1].route
  expect(together).toEqual(alone)
})

it('few stay as they are: people know them so', () => {
  expect(sharedOf(sent(many(3), { worth: 4 }))).toEqual([])
  expect(sharedOf(sent(many(4), { worth: 4 }))).toHaveLength(1)
})

it('what differs in more than domains and cluster stays alone: a rule, a hash, a wildcard; the name and cluster are the wire’s', () => {
  const odd =
    rule('s1.test', '{timeout: 3s, route: [{destination: {host: s1.test}}]}') +
    rule('s2.test', '{directResponse: {status: 200}}') +
    `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hash}
spec: {host: s3.test, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
` +
    entry('*.wild.test') +
    entry('Capital.test')
  const table = sent(many(7) + odd, {
    generation: (cluster) => (cluster === 'outbound|80||s6.test' ? 2 : 0),
  })
  expect(namesOf(table)).toEqual(['*.wild.test:80', 's1.test:80', 's2.test:80', 's3.test:80', 'block_all', 'shared-1'])
  const map = mapOf(sharedOf(table)[0])
  expect(map['s6.test']).toBe('outbound|80||s6.test~2')
  expect(map['capital.test']).toBe(map['capital.test:80'])
  expect(map['capital.test']).toMatch(/capital\.test$/i)
})

it('an authority is in one virtual host only, and every one that leads somewhere alone leads there together', () => {
  const yaml = many(6) + rule('s5.test', '{route: [{destination: {host: s4.test}}]}')
  expect(clustersOf(sent(yaml))).toEqual(clustersOf(sent(yaml, { worth: 1000 })))
})

it('hosts of one rule are alike, those of two rules are not, and those with the same limits are', () => {
  const shared = (yaml: string) => sharedOf(sent(many(6) + yaml, { worth: 3 })).map(({ domains }: Json) => domains)
  const plain = ['s3.test', 's3.test:80', 's4.test', 's4.test:80', 's5.test', 's5.test:80']
  const ofOne = ['s0.test', 's0.test:80', 's1.test', 's1.test:80', 's2.test', 's2.test:80']
  const timeout = '{timeout: 3s, route: [{destination: {host: s3.test}}]}'
  expect(
    shared(rule('s0.test", "s1.test", "s2.test', timeout).replace('rule-s0.test", "s1.test", "s2.test', 'one')),
  ).toEqual([ofOne, plain])
  expect(shared(['s0.test', 's1.test', 's2.test'].map((host) => rule(host, timeout)).join(''))).toEqual([plain])
  const limits = `---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: all}
spec: {shared: true, hosts: [s0.test, s1.test, s2.test], limits: [{tokenBucket: {maxTokens: 5, tokensPerFill: 10, fillInterval: 1m}}]}
`
  expect(shared(limits)).toEqual([ofOne, plain])
})

it('settings of filters stay with their virtual host: a bucket belongs to one', () => {
  const limits = `---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: all}
spec: {hosts: [s0.test, s1.test, s2.test], limits: [{tokenBucket: {maxTokens: 5, tokensPerFill: 10, fillInterval: 1m}}]}
`
  const table = sent(many(3) + limits)
  expect(table.virtualHosts.find(({ name }: Json) => name === 's2.test:80').typedPerFilterConfig).toBeDefined()
  expect(sharedOf(table)).toEqual([])
})

it('names that begin with each other, ports and short names lead where they lead alone', () => {
  const ports = ['80', '8080', '81', '443']
  const name = fc
    .array(fc.constantFrom('a', 'b', 'aa', 'svc'), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('.'))
  const service = fc.record({
    host: fc.oneof(
      name,
      name.map((short) => `${short}.svc.cluster.local`),
    ),
    namespace: fc.constantFrom('default', 'a', 'b'),
    ports: fc.uniqueArray(fc.constantFrom(...ports), { minLength: 1, maxLength: 3 }),
  })
  const rules = fc.array(fc.record({ host: name, to: name }), { maxLength: 3 })
  fc.assert(
    fc.property(fc.uniqueArray(service, { selector: ({ host }) => host, maxLength: 12 }), rules, (services, ruled) => {
      const yaml = services
        .map(
          (one, index) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: "e${index}", namespace: ${one.namespace}}
spec: {hosts: ["${one.host}"], resolution: STATIC, ports: [${one.ports.map((port) => `{number: ${port}, name: http-${port}, protocol: HTTP}`).join(', ')}]}
`,
        )
        .concat(ruled.map(({ host, to }) => rule(host, `{route: [{destination: {host: "${to}"}}]}`)))
        .join('')
      expect(clustersOf(sent(yaml))).toEqual(clustersOf(sent(yaml, { worth: 1000 })))
    }),
    { numRuns: 150 },
  )
})
