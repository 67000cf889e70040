import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, it } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { DeltaDiscoveryResponseSchema } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt, versionsOf } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'
import { RawClient } from './raw-client.ts'

/** What a plan says, in words and per class of proxies, is what a real Envoy and a stream of another class then get. */

const ENVOY = 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local'
const OTHER = 'sidecar~127.0.0.2~audit.other~other.svc.cluster.local'

interface Plan {
  readonly plan: string
  readonly base: number
  readonly meaning: readonly {
    readonly topic: string
    readonly text: { readonly en: string; readonly zh: string }
    readonly danger?: boolean
  }[]
  readonly classes: readonly {
    readonly nodes: readonly string[]
    readonly types: readonly {
      readonly type: string
      readonly added: readonly string[]
      readonly changed: readonly string[]
      readonly removed: readonly string[]
    }[]
  }[]
  readonly proxies: readonly string[]
}

const HOST = 'reviews.default.svc.cluster.local'
const SERVICE = serviceAt('reviews', [
  { port: 1, labels: { version: 'v1' } },
  { port: 2, labels: { version: 'v2' } },
])
const route = (more: string, weight: number, spec = '') => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [${HOST}]
${spec}  http:
    - ${more}route:
        - { destination: { host: reviews, subset: v1 }, weight: ${100 - weight} }
        - { destination: { host: reviews, subset: v2 }, weight: ${weight} }
`

const FAULT = 'fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }\n      '
const OWN = '  exportTo: ["."]\n'

let plane: ServeChild
let envoy: TestEnvoy
/** What the stream of the other class got: `+` and `-` with the names of resources. */
let got: string[] = []

async function post<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(plane.apiUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text) as Answer
}

/** Applies a plan, and waits until both proxies have it. */
async function apply({ plan, base }: Plan, changes: object): Promise<void> {
  got = []
  const { id } = await post<{ id: number }>('/api/v1/apply', { changes, plan, base, reason: 'test' })
  const counts = async () =>
    (await plane.api<{ counts: Record<string, number> }>(`/api/v1/revisions/${id}/convergence`)).counts
  await expect
    .poll(async () => {
      const { waiting = 0, sent = 0, ACK = 0 } = await counts()
      return waiting + sent === 0 && ACK > 0
    })
    .toBe(true)
}

const typesOf = ({ classes }: Plan, node: string) => classes.find(({ nodes }) => nodes.includes(node))?.types ?? []
const promised = (plan: Plan, node: string) =>
  typesOf(plan, node)
    .flatMap(({ type, added, changed, removed }) => [
      ...[...added, ...changed].map((name) => `+${type} ${name}`),
      ...removed.map((name) => `-${type} ${name}`),
    ])
    .sort()

beforeAll(async () => {
  const folder = testFolder('plan')
  const port = await freePort()
  await writeFile(
    join(folder, 'mesh.yaml'),
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: { name: mesh }\nspec: { httpPort: ${port}, lazy: false }\n`,
  )
  await writeFile(join(folder, 'service.yaml'), SERVICE)
  await writeFile(join(folder, 'rule.yaml'), route('', 10))
  await writeFile(join(folder, 'policy.yaml'), versionsOf(HOST, ['v1', 'v2']))
  plane = await serveChild(folder)
  envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: ENVOY, metadata: {} },
      xds: { host: '127.0.0.1', port: plane.xdsPort },
      loadReports: false,
    }),
  })
  const client = new RawClient(plane.xdsPort)
  stopAfterTests(async () => client.close())
  const stream = client.delta()
  stream.send('cds', { node: { id: OTHER, cluster: 'audit.other' } })
  stream.send('lds', {})
  stream.call.on('data', (bytes: Buffer) => {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes)
    stream.ack(response)
    const type = Object.entries(TYPE_URL).find(([, url]) => url === response.typeUrl)![0]
    const names = response.resources.map(({ name }) => name)
    got.push(...names.map((name) => `+${type} ${name}`), ...response.removedResources.map((name) => `-${type} ${name}`))
    if (type === 'cds' && names.length > 0) stream.send('eds', { resourceNamesSubscribe: names })
    if (type === 'lds') stream.send('rds', { resourceNamesSubscribe: ['http_proxy'] })
  })
  await eventually(async () => {
    const { proxies } = await plane.api<{ proxies: { state: string }[] }>('/api/v1/proxies')
    expect(proxies.map(({ state }) => state)).toEqual(['SYNCED', 'SYNCED'])
  })
})

/** A cluster that changes gets its endpoints anew, although they are the same: no change of a plan. */
const isOfThePlan = (resource: string) => !resource.startsWith('+eds ')

const LIMITS = 'trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 7 } } }'
const ROUTES = ['+rds http_proxy']

describe('the words of a plan and what proxies get', () => {
  it.each<{
    change: string
    file: string
    text?: string
    en: string
    zh: string
    danger?: true
    envoy: readonly string[]
    other: readonly string[]
    held: readonly [has: string, hasNot: string]
  }>([
    {
      ...{ change: 'a weight', file: 'rule.yaml', text: route('', 25) },
      ...{ en: 'reviews v2 10 % → 25 %', zh: 'reviews v2 10 % → 25 %' },
      ...{ envoy: ROUTES, other: ROUTES, held: ['"weight": 25', '"weight": 10,'] },
    },
    {
      ...{ change: 'a fault for everybody', file: 'rule.yaml', text: route(FAULT, 25), danger: true },
      ...{ en: 'route 1, fault abort: set to 503 × 100 %', zh: '路由 1 中断注入：设为 503 × 100 %' },
      ...{ envoy: ROUTES, other: ROUTES, held: ['HTTPFault', '"weight": 10,'] },
    },
    {
      ...{ change: 'a rule that only its namespace sees from now on', file: 'rule.yaml', text: route('', 25, OWN) },
      ...{ en: 'spec.exportTo: set to .', zh: 'spec.exportTo：设为 .' },
      ...{ envoy: ROUTES, other: ROUTES, held: ['"weight": 25', '"http_status": 503'] },
    },
    {
      ...{ change: 'a rule that only its namespace sees', file: 'rule.yaml', text: route('', 40, OWN) },
      ...{ en: 'reviews v1 75 % → 60 %', zh: 'reviews v1 75 % → 60 %' },
      ...{ envoy: ROUTES, other: [], held: ['"weight": 40', '"weight": 25'] },
    },
    {
      ...{ change: 'limits', file: 'policy.yaml', text: versionsOf(HOST, ['v1', 'v2'], LIMITS) },
      en: `${HOST}, connection limits: set to HTTP most waiting requests 7`,
      zh: `${HOST} 连接池上限：设为 HTTP 最大等待请求数 7`,
      envoy: ['', 'v1', 'v2'].map((subset) => `+cds outbound|80|${subset}|${HOST}`),
      other: ['', 'v1', 'v2'].map((subset) => `+cds outbound|80|${subset}|${HOST}`),
      held: ['"max_pending_requests": 7', '"weight": 25'],
    },
    {
      ...{ change: 'a rule that goes', file: 'rule.yaml', danger: true },
      ...{ en: 'VirtualService default/reviews is deleted', zh: '删除 VirtualService default/reviews' },
      ...{ envoy: ROUTES, other: [], held: [`outbound|80||${HOST}`, '"weight": 40'] },
    },
    {
      ...{
        change: 'a subset that goes',
        file: 'policy.yaml',
        text: versionsOf(HOST, ['v1'], LIMITS),
        danger: true,
      },
      ...{ en: `subset ${HOST} v2 is removed`, zh: `移除子集 ${HOST} v2` },
      envoy: ['cds', 'eds'].map((type) => `-${type} outbound|80|v2|${HOST}`),
      other: ['cds', 'eds'].map((type) => `-${type} outbound|80|v2|${HOST}`),
      held: [`outbound|80|v1|${HOST}`, `"name": "outbound|80|v2|${HOST}"`],
    },
  ])('$change', async ({ file, text, en, zh, danger = false, envoy: forEnvoy, other, held: [has, hasNot] }) => {
    const changes = [text === undefined ? { file, delete: true } : { file, text }]
    const plan = await post<Plan>('/api/v1/plan', { changes })
    expect(plan.meaning.map((one) => one.text)).toContainEqual({ en, zh })
    expect(plan.meaning.some((one) => one.danger)).toBe(danger)
    expect(promised(plan, ENVOY)).toEqual([...forEnvoy].sort())
    expect(promised(plan, OTHER)).toEqual([...other].sort())
    expect([...plan.proxies].sort()).toEqual(other.length > 0 ? [ENVOY, OTHER] : [ENVOY])

    await apply(plan, changes)
    await expect.poll(() => got.filter(isOfThePlan).sort()).toEqual([...other].sort())
    await eventually(async () => {
      const dump = await envoy.admin('/config_dump')
      expect(dump).toContain(has)
      expect(dump).not.toContain(hasNot)
    })
    expect(await envoy.rejected()).toEqual({})
  })
})
