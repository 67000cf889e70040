import { expect, test } from 'vitest'
import { cell } from '../../model/cells.ts'
import { assignmentJson, mutableScope, ruleWith, SHOP, scopeOf } from './fixture.ts'
import { clusterNames, compileCluster, compileLoadAssignment } from './index.ts'

const NAME = 'outbound|80||shop.test'

const service = (endpoints: string, more = '') => `
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.test]
  resolution: STATIC
  ports: [{number: 80, name: http, targetPort: 8080}]
  ${more}
  endpoints: ${endpoints}
`

const addresses = (assignment: ReturnType<typeof assignmentJson>) =>
  assignment.endpoints?.flatMap((group: { lbEndpoints: { endpoint: { address: unknown } }[] }) =>
    group.lbEndpoints.map((one) => one.endpoint.address),
  )

test('endpoints come with locality and weights', () => {
  const json = assignmentJson(
    scopeOf(service('[{address: 10.0.0.1, locality: eu/x/1, weight: 2}, {address: 10.0.0.2, locality: eu/x/1}]')),
    NAME,
  )
  expect(json).toEqual({
    clusterName: NAME,
    endpoints: [
      {
        locality: { region: 'eu', zone: 'x', subZone: '1' },
        loadBalancingWeight: 3,
        lbEndpoints: [
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 8080 } } },
            loadBalancingWeight: 2,
          },
          {
            endpoint: { address: { socketAddress: { address: '10.0.0.2', portValue: 8080 } } },
            loadBalancingWeight: 1,
          },
        ],
      },
    ],
  })
})

test('a service without endpoints has an assignment that says so', () => {
  expect(assignmentJson(scopeOf(service('[]')), NAME)).toEqual({ clusterName: NAME })
})

test('a locality is always there, even an unknown one', () => {
  expect(assignmentJson(scopeOf(SHOP), NAME).endpoints).toMatchObject([{ locality: {}, loadBalancingWeight: 4 }])
})

test('IPv6 addresses and Unix domain sockets are addresses; names are not and are left out', () => {
  const scope = scopeOf(
    service(
      '[{address: "2001:db8::1"}, {address: "unix:///run/shop.sock"}, {address: "unix://@shop"}, {address: shop.internal}, {address: ""}]',
    ),
  )
  expect(addresses(assignmentJson(scope, NAME))).toEqual([
    { socketAddress: { address: '2001:db8::1', portValue: 8080 } },
    { pipe: { path: '/run/shop.sock' } },
    { pipe: { path: '@shop' } },
  ])
})

test('an address given twice counts once', () => {
  expect(addresses(assignmentJson(scopeOf(service('[{address: 10.0.0.1}, {address: 10.0.0.1}]')), NAME))).toHaveLength(
    1,
  )
})

test('a subset has the endpoints with its labels, an undeclared one does not exist', () => {
  const scope = scopeOf(
    `${SHOP}---
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop.test, subsets: [{name: v2, labels: {version: v2}}, {name: all}, {name: none, labels: {version: v9}}]}
`,
  )
  expect(addresses(assignmentJson(scope, 'outbound|80|v2|shop.test'))).toMatchObject([
    { socketAddress: { address: '10.0.0.2' } },
  ])
  expect(addresses(assignmentJson(scope, 'outbound|80|all|shop.test'))).toHaveLength(2)
  expect(assignmentJson(scope, 'outbound|80|none|shop.test')).toEqual({ clusterName: 'outbound|80|none|shop.test' })
  expect(compileLoadAssignment(scope, 'outbound|80|other|shop.test')).toBeUndefined()
})

test('a subset may choose by the place of endpoints, which no label says', () => {
  const scope = scopeOf(
    `${service('[{address: 10.0.0.1, locality: eu/a}, {address: 10.0.0.2, locality: eu/b}, {address: 10.0.0.3, network: n1}]')}---
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop.test
  subsets: [{name: a, labels: {topology.kubernetes.io/zone: a}}, {name: n1, labels: {topology.istio.io/network: n1}}]`,
  )
  expect(addresses(assignmentJson(scope, 'outbound|80|a|shop.test'))).toMatchObject([
    { socketAddress: { address: '10.0.0.1' } },
  ])
  expect(addresses(assignmentJson(scope, 'outbound|80|n1|shop.test'))).toMatchObject([
    { socketAddress: { address: '10.0.0.3' } },
  ])
})

test.each(['outbound|80||other.test', 'outbound|99||shop.test', 'shop', 'BlackHoleCluster', ''])(
  'no load assignment is called %j',
  (name) => {
    expect(compileLoadAssignment(scopeOf(SHOP), name)).toBeUndefined()
  },
)

test('weights whose sum over all localities does not fit 32 bits are scaled, and none becomes 0', () => {
  const { endpoints } = assignmentJson(
    scopeOf(
      service(
        '[{address: 10.0.0.1, weight: 4294967295, locality: a}, {address: 10.0.0.2, weight: 4294967295, locality: b}, {address: 10.0.0.3, locality: b}]',
      ),
    ),
    NAME,
  )
  type Weighted = { readonly loadBalancingWeight: number }
  const weights = endpoints.flatMap((group: { lbEndpoints: Weighted[] }) =>
    group.lbEndpoints.map((one) => one.loadBalancingWeight),
  )
  expect(weights[0]).toBe(weights[1])
  expect(weights[2]).toBe(1)
  expect(weights[0] + weights[1] + weights[2]).toBeLessThanOrEqual(0xffff_ffff)
  const [a, b] = endpoints as [Weighted, Weighted]
  expect(a.loadBalancingWeight + b.loadBalancingWeight).toBeLessThanOrEqual(0xffff_ffff)
})

test('priorities follow the locality of the class, with a stated overprovisioning', () => {
  const text = service('[{address: 10.0.0.1, locality: eu/x}, {address: 10.0.0.2, locality: us/a}]')
  const scope = scopeOf(text + ruleWith('{outlierDetection: {}}'), {
    locality: { region: 'us', zone: 'a', subZone: '' },
  })
  expect(assignmentJson(scope, NAME)).toMatchObject({
    endpoints: [{ locality: { region: 'us' } }, { locality: { region: 'eu' }, priority: 1 }],
    policy: { overprovisioningFactor: 140 },
  })
})

test('endpoints from WorkloadEntries carry the workload', () => {
  const scope = scopeOf(`
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: 80, name: http}]
  workloadSelector: {labels: {app: shop}}
---
kind: WorkloadEntry
metadata: {name: shop-1}
spec: {address: 10.0.0.9, ports: {http: 9080}, labels: {app: shop}}
`)
  const compiled = compileLoadAssignment(scope, NAME)!
  expect(assignmentJson(scope, NAME).endpoints[0].lbEndpoints[0]).toMatchObject({
    endpoint: { address: { socketAddress: { address: '10.0.0.9', portValue: 9080 } } },
    metadata: { filterMetadata: { istio: { workload: 'shop-1;default' } } },
  })
  expect(compiled.origins.map((origin) => origin.object.key)).toEqual([
    'ServiceEntry/default/shop',
    'WorkloadEntry/default/shop-1',
  ])
})

test('a change of endpoints touches one load assignment and no cluster', () => {
  const { scope, replace } = mutableScope(service('[{address: 10.0.0.1}]'))
  const computed = { names: 0, cluster: 0, assignment: 0 }
  const counted = <T>(what: keyof typeof computed, compute: () => T) =>
    cell(() => {
      computed[what]++
      return compute()
    })
  const names = counted('names', () => clusterNames(scope))
  const cluster = counted('cluster', () => compileCluster(scope, NAME))
  const assignment = counted('assignment', () => compileLoadAssignment(scope, NAME))
  const read = () => [names(), cluster(), assignment()]
  read()
  replace(service('[{address: 10.0.0.1}, {address: 10.0.0.2}]'))
  read()
  expect(computed).toEqual({ names: 1, cluster: 1, assignment: 2 })
})
