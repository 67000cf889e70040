import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveConfig } from '../../live-config.ts'
import { createMesh } from '../../mesh.ts'
import { createReports } from '../../reports/index.ts'
import { MemorySource } from '../../sources/index.ts'
import { StatusBook } from '../../status/book.ts'
import { createAdminServer } from '../server.ts'
import { maglevPreview } from './maglev-preview.ts'

const RULES = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints:
    - {address: 10.1.0.1, labels: {version: v1}}
    - {address: 10.1.0.2, labels: {version: v1}}
    - {address: 10.1.0.3, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  annotations: {meshgate.io/expires-at: "2999-01-01T00:00:00Z"}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-test: {exact: slow}}}]
      fault: {delay: {fixedDelay: 2s, percentage: {value: 100}}}
      route: [{destination: {host: reviews}}]
    - timeout: 3s
      route:
        - {destination: {host: reviews, subset: v1}, weight: 90}
        - {destination: {host: reviews, subset: v2}, weight: 10}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5}
    loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 1021}}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec:
  hosts: ['*']
  gateways: [edge]
  http: [{route: [{destination: {host: reviews}}]}]
`
const HOST = 'reviews.default.svc.cluster.local'
let app: FastifyInstance
let config: LiveConfig
const reports = createReports()

beforeAll(async () => {
  const mesh = createMesh()
  config = new LiveConfig(MemorySource.of({ 'rules.yaml': RULES }), mesh)
  const status = new StatusBook()
  app = await createAdminServer({ version: '1', config, mesh, status, metrics: new Registry(), reports })
  await config.start()
})
afterAll(async () => {
  await app.close()
  await config.stop()
})
const get = async (url: string) => (await app.inject({ url })).json()

describe('policies of a service', () => {
  it('tell what each rule does, where it stands and under which condition', async () => {
    const { policies } = await get(`/api/v1/policies?service=${HOST}`)
    expect(policies.map((one: { topic: string; path: string }) => `${one.topic} ${one.path}`)).toEqual([
      'fault spec.http[0].fault',
      'split spec.http[1].route',
      'timeoutRetry spec.http[1].timeout',
      'circuitBreaking spec.trafficPolicy.outlierDetection',
      'loadBalancing spec.trafficPolicy.loadBalancer',
    ])
    expect(policies[0]).toMatchObject({
      match: 'headers.x-test.exact slow',
      expiresAt: '2999-01-01T00:00:00.000Z',
      place: { file: 'rules.yaml', line: 23, document: 'VirtualService/default/reviews' },
      values: expect.arrayContaining([{ name: 'delay.fixedDelay', value: '2s' }]),
    })
    expect(policies[1]).toMatchObject({
      match: '',
      values: [
        { name: 'reviews v1', value: '90' },
        { name: 'reviews v2', value: '10' },
      ],
    })
    expect(policies[1].expiresAt).toBeUndefined()
  })

  it('can be asked for by topic over the whole mesh', async () => {
    const { policies } = await get('/api/v1/policies?topic=fault')
    expect(policies).toHaveLength(1)
  })
})

it('the topology joins ways in and services by the rules that say so', async () => {
  const { nodes, edges } = await get('/api/v1/topology')
  expect(nodes).toContainEqual(
    expect.objectContaining({ id: HOST, kind: 'service', endpoints: 3, policies: expect.arrayContaining(['fault']) }),
  )
  expect(edges).toEqual([
    { from: 'gateway/default/edge', to: HOST, configured: true, document: 'VirtualService/default/edge' },
  ])
})

it('the topology shows who calls by access logs, where proxies send no load reports', async () => {
  const node = {
    id: 'sidecar~10.0.0.9~shop-1.default~default.svc.cluster.local',
    cluster: 'shop.default',
    metadata: {},
  }
  const entry = {
    ...{
      kind: 'http' as const,
      cluster: `outbound|80||${HOST}`,
      routeName: '',
      authority: '',
      port: 0,
      flags: [],
      durationMs: 20,
    },
    ...{ received: 0, sent: 0 },
  }
  reports.access.take(node as never, [
    { ...entry, status: 200 },
    { ...entry, status: 503 },
  ])
  const { edges } = await get('/api/v1/topology')
  expect(edges).toContainEqual(
    expect.objectContaining({
      to: HOST,
      configured: false,
      issued: 2,
      failed: 1,
      recent: { seconds: expect.any(Number), requests: 2, failed: 1, p50Ms: 17.5, p95Ms: 24.3, p99Ms: 24.9 },
      from: expect.stringContaining('shop'),
    }),
  )
})

describe('the Maglev preview', () => {
  it('has the table a cluster gets by itself where no size is asked for', async () => {
    expect(await get(`/api/v1/services/${HOST}/maglev`)).toMatchObject({ tableSize: 4093 })
  })

  it('says where keys go, and where when that endpoint leaves', async () => {
    const answer = await get(`/api/v1/services/${HOST}/maglev?size=1021&key=ann&key=bob`)
    expect(answer.tableSize).toBe(1021)
    expect(answer.endpoints).toHaveLength(3)
    const shares = answer.endpoints.map(({ share }: { share: number }) => share)
    expect(shares.reduce((a: number, b: number) => a + b)).toBeCloseTo(1)
    for (const { share, moved } of answer.endpoints) expect(moved).toBeGreaterThanOrEqual(share)
    for (const { address, without } of answer.keys) expect(without).not.toBe(address)
  })

  it('looks at a subset alone', async () => {
    const { endpoints } = await get(`/api/v1/services/${HOST}/maglev?size=1021&subset=v1`)
    expect(endpoints.map(({ address }: { address: string }) => address)).toEqual(['10.1.0.1:80', '10.1.0.2:80'])
  })

  it.each(['size=1000', 'size=5000011', 'subset=v9', 'port=81'])('refuses %s in words', async (query) => {
    const answer = await app.inject({ url: `/api/v1/services/${HOST}/maglev?${query}` })
    expect(answer.statusCode).toBeGreaterThanOrEqual(400)
    expect(answer.json().message).toMatch(/prime|too much|subset v9|no port 81/)
  })

  it('with one endpoint everything moves, to nowhere', () => {
    const { endpoints, keys } = maglevPreview([{ address: '10.0.0.1:80', weight: 1 }], 11, ['ann'])
    expect(endpoints).toEqual([{ address: '10.0.0.1:80', weight: 1, share: 1, moved: 1 }])
    expect(keys).toEqual([{ key: 'ann', address: '10.0.0.1:80' }])
  })
})
