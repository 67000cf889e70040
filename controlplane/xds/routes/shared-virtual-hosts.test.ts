import { fromBinary, toJson } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode } from '../../../proto/make.ts'
import { fullRegistry } from '../../../proto/registry.ts'
import type { Scope } from '../../model/index.ts'
import { world } from './fixture.ts'
import { compileRouteConfiguration } from './index.ts'
import { shareVirtualHosts } from './shared-virtual-hosts.ts'

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
  const { message } = compileRouteConfiguration(generation ? { ...scope, generation } : scope, 'http_proxy')!
  const bytes = encode(RouteConfigurationSchema, shareVirtualHosts(message, worth))
  return toJson(RouteConfigurationSchema, fromBinary(RouteConfigurationSchema, bytes), { registry: fullRegistry() })
}

const namesOf = (table: Json): readonly string[] => table.virtualHosts.map(({ name }: Json) => name)
const sharedOf = (table: Json) => table.virtualHosts.filter(({ name }: Json) => name.startsWith('shared-'))
const mapOf = (host: Json): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries<Json>(
      host.routes[1].route.inlineClusterSpecifierPlugin.extension.typedConfig.clusterMatcher.matcherTree.exactMatchMap
        .map,
    ).map(([authority, { action }]) => [authority, action.typedConfig.cluster]),
  )

it('virtual hosts that are alike are one, with each domain in a map to its cluster, and say what one alone says', () => {
  const table = sent(many(4))
  expect(namesOf(table)).toEqual(['block_all', 'shared-1'])
  const [shared] = sharedOf(table)
  expect(shared.domains).toHaveLength(8)
  const map = mapOf(shared)
  expect(Object.keys(map).sort()).toEqual([...shared.domains].sort())
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
  const clusters = (table: Json) =>
    Object.fromEntries(
      table.virtualHosts.flatMap((host: Json) =>
        host.name.startsWith('shared-')
          ? Object.entries(mapOf(host))
          : host.domains.map((domain: string) => [domain, host.routes[0].route?.cluster]),
      ),
    )
  expect(clusters(sent(yaml))).toEqual(clusters(sent(yaml, { worth: 1000 })))
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
