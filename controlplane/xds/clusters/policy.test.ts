import { expect, test } from 'vitest'
import { formatPath } from '../../diagnostics/diagnostic.ts'
import type { ProxyClass } from '../../model/index.ts'
import { scopeOf, target } from './fixture.ts'
import { consistentHashOf, type Decided, effectivePolicy, subsetsOf } from './policy.ts'

const shop = `
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: other, protocol: HTTP}]
`

const rule = (name: string, spec: string) =>
  `---\nkind: DestinationRule\nmetadata: {name: ${name}}\nspec:\n  host: shop.test\n${spec.replace(/^/gm, '  ')}\n`

function policyOf(documents: string, port = 80, subset = '', proxy: Partial<ProxyClass> = {}) {
  const scope = scopeOf(shop + documents, proxy)
  return effectivePolicy(scope, ...target(scope, `shop.test:${port}`), subset)
}

const place = (part: Decided<unknown> | undefined) =>
  part && `${part.origin.object.name} ${formatPath(part.origin.path)}`

test('without a rule there is no policy', () => {
  expect(policyOf('')).toEqual({})
})

test('a part knows the place it was decided at', () => {
  const policy = policyOf(rule('a', 'trafficPolicy: {connectionPool: {tcp: {maxConnections: 3}}}'))
  expect(policy.connectionPool?.value).toEqual({ tcp: { maxConnections: 3 } })
  expect(place(policy.connectionPool)).toBe('a spec.trafficPolicy.connectionPool')
})

const ported = rule(
  'a',
  `trafficPolicy:
  connectionPool: {tcp: {maxConnections: 3}}
  loadBalancer: {simple: RANDOM}
  proxyProtocol: {version: V2}
  portLevelSettings:
  - port: {number: 80}
    loadBalancer: {simple: ROUND_ROBIN}
subsets:
- name: plain
- name: own
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 7}}
- name: ported
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 8}}
    portLevelSettings:
    - port: {number: 81}
      outlierDetection: {interval: 1s}`,
)

test('settings of a port replace the policy: what they leave out is at its default', () => {
  const policy = policyOf(ported)
  expect(Object.keys(policy)).toEqual(['loadBalancer'])
  expect(place(policy.loadBalancer)).toBe('a spec.trafficPolicy.portLevelSettings[0].loadBalancer')
})

test('other ports keep the policy', () => {
  expect(Object.keys(policyOf(ported, 81)).sort()).toEqual(['connectionPool', 'loadBalancer', 'proxyProtocol'])
})

test('a subset without a policy has that of the rule', () => {
  const places = (policy: ReturnType<typeof policyOf>) => Object.values(policy).map(place)
  expect(places(policyOf(ported, 81, 'plain'))).toEqual(places(policyOf(ported, 81)))
})

test('a subset overrides part by part, also parts from settings of the port', () => {
  const policy = policyOf(ported, 80, 'own')
  expect(place(policy.connectionPool)).toBe('a spec.subsets[1].trafficPolicy.connectionPool')
  expect(place(policy.loadBalancer)).toBe('a spec.trafficPolicy.portLevelSettings[0].loadBalancer')
})

test("a subset's settings of the port replace every part a port can have, and leave the rest", () => {
  const policy = policyOf(ported, 81, 'ported')
  expect(Object.keys(policy).sort()).toEqual(['outlierDetection', 'proxyProtocol'])
})

const two =
  rule('a', 'subsets: [{name: v1, labels: {version: v1}}]') +
  rule(
    'b',
    `trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: uid}}}
subsets: [{name: v1, labels: {version: other}}, {name: v2, labels: {version: v2}}]`,
  ) +
  rule('c', 'trafficPolicy: {loadBalancer: {simple: RANDOM}}')

test('rules for one host are merged: the first policy wins, subsets add up', () => {
  const scope = scopeOf(shop + two)
  const [service, port] = target(scope, 'shop.test:80')
  expect(subsetsOf(scope, service)).toMatchObject([
    { name: 'v1', labels: { version: 'v1' }, origin: { object: { name: 'a' }, path: ['spec', 'subsets', 0] } },
    { name: 'v2', labels: { version: 'v2' }, origin: { object: { name: 'b' }, path: ['spec', 'subsets', 1] } },
  ])
  expect(place(effectivePolicy(scope, service, port, 'v1').loadBalancer)).toBe('b spec.trafficPolicy.loadBalancer')
})

test('the consistent hash names its own place', () => {
  const scope = scopeOf(shop + two)
  const hash = consistentHashOf(scope, ...target(scope, 'shop.test:80'), 'v2')
  expect(hash?.value).toEqual({ httpHeaderName: 'uid' })
  expect(place(hash)).toBe('b spec.trafficPolicy.loadBalancer.consistentHash')
})

test('a rule for callers with a label replaces the general one, unmerged', () => {
  const documents =
    rule('general', 'trafficPolicy: {connectionPool: {tcp: {maxConnections: 3}}}') +
    rule('some', 'workloadSelector: {matchLabels: {app: web}}\ntrafficPolicy: {loadBalancer: {simple: RANDOM}}')
  expect(Object.keys(policyOf(documents, 80, '', { labels: { app: 'web' } }))).toEqual(['loadBalancer'])
  expect(Object.keys(policyOf(documents))).toEqual(['connectionPool'])
})
