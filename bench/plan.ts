/**
 * What a plan costs: a mesh of many services and connected proxies, one weight of one rule changed by the API, over and over.
 * CPU is that of the control plane; the longest pause is what another request of the API waited while plans were made. Asking for it costs
 * CPU, too: the two are measured in turns of their own.
 *
 * `npm run bench:plan [-- --services 1000 --proxies 100 --namespaces 10 --plans 40 -o json]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fromBinary } from '@bufbuild/protobuf'
import { DeltaDiscoveryResponseSchema } from '../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { type ServeChild, serveChild } from '../test/helpers/serve.ts'
import { RawClient } from '../test/xds/raw-client.ts'
import { cpuMs, median, quantile, report, round } from './measure.ts'

export interface PlanBenchOptions {
  readonly services: number
  readonly proxies: number
  /** Proxies of one namespace are of one class. */
  readonly namespaces: number
  readonly plans: number
  /** Whether proxies get clusters when they ask for them, or all at once. */
  readonly lazy: boolean
}

export interface PlanCost {
  /** From the request to the answer, ms. */
  readonly first: number
  readonly firstCpu: number | undefined
  readonly plans: readonly number[]
  /** CPU of the control plane for a plan after the first, ms; undefined where it cannot be known. */
  readonly cpuPerPlan: number | undefined
  /** The longest another request waited, ms. */
  readonly pause: number
  /** From applying to the answer of the last proxy, ms. */
  readonly applyToAck: number
}

const namespaceOf = (service: number, namespaces: number) => `ns${service % namespaces}`

/** The ServiceEntry of a service with three endpoints of two versions, in one of so many namespaces. */
export function documents(service: number, namespaces: number): string {
  const namespace = namespaceOf(service, namespaces)
  const name = `s${service}`
  const endpoints = [0, 1, 2].map(
    (index) =>
      `    - { address: 10.${index}.${(service >> 8) & 255}.${service & 255}, labels: { version: v${1 + (index % 2)} } }\n`,
  )
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.${namespace}.svc.cluster.local]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{ number: 8080, name: http, protocol: HTTP }]
  endpoints:
${endpoints.join('')}`
}

/** The split of a service, `weight` percent to v2, and its subsets. */
export function rule(service: number, namespaces: number, weight: number): string {
  const namespace = namespaceOf(service, namespaces)
  const name = `s${service}`
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}]
  http:
    - route:
        - { destination: { host: ${name}, subset: v1 }, weight: ${100 - weight} }
        - { destination: { host: ${name}, subset: v2 }, weight: ${weight} }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  host: ${name}
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
`
}

/** @throws Error when a plan is refused */
async function planCost(options: PlanBenchOptions): Promise<PlanCost> {
  const { services, proxies, namespaces, plans, lazy } = options
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  await writeFile(
    join(folder, 'mesh.yaml'),
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: { name: mesh }\nspec: { lazy: ${lazy} }\n`,
  )
  for (let service = 0; service < services; service++) {
    await writeFile(join(folder, `service-${service}.yaml`), documents(service, namespaces))
    await writeFile(join(folder, `rule-${service}.yaml`), rule(service, namespaces, 10))
  }
  const control = await serveChild(folder)
  const clients: RawClient[] = []
  try {
    for (let proxy = 0; proxy < proxies; proxy++) clients.push(connect(control, proxy, namespaces))
    await settled(control, proxies)
    const first = await planned(control, 0, namespaces, 11)
    const next = (index: number) => planned(control, (index * 37) % services, namespaces, 11 + (index % 80))
    const rest: number[] = []
    const before = cpuMs(control.process.pid)
    for (let index = 0; index < plans; index++) rest.push((await next(index)).tookMs)
    const after = cpuMs(control.process.pid)
    const watch = watchPauses(control)
    for (let index = 0; index < plans; index++) await next(plans + index)
    const pause = await watch.stop()
    return {
      first: first.tookMs,
      firstCpu: first.cpu,
      plans: rest,
      cpuPerPlan: before === undefined || after === undefined ? undefined : (after - before) / plans,
      pause,
      applyToAck: await applied(control, namespaces),
    }
  } finally {
    for (const client of clients) client.close()
    await control.process.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A proxy that subscribes to everything, as Envoy does, and accepts whatever comes. */
function connect({ xdsPort }: ServeChild, proxy: number, namespaces: number): RawClient {
  const client = new RawClient(xdsPort)
  const stream = client.delta()
  const namespace = `ns${proxy % namespaces}`
  const node = {
    id: `sidecar~10.9.${proxy >> 8}.${proxy & 255}~p${proxy}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `p${proxy}.${namespace}`,
    userAgentName: 'envoy',
    userAgentVersionType: {
      case: 'userAgentBuildVersion' as const,
      value: { version: { majorNumber: 1, minorNumber: 39, patch: 3 } },
    },
  }
  stream.send('cds', { node })
  stream.send('lds', {})
  stream.call.removeAllListeners('data')
  stream.call.on('data', (bytes: Buffer) => {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes)
    stream.ack(response)
    const names = response.resources.map(({ name }) => name)
    if (response.typeUrl.endsWith('.Cluster')) stream.send('eds', { resourceNamesSubscribe: names })
    if (response.typeUrl.endsWith('.Listener')) stream.send('rds', { resourceNamesSubscribe: ['http_proxy'] })
  })
  return client
}

async function settled(control: ServeChild, proxies: number): Promise<void> {
  const until = Date.now() + 120_000
  for (;;) {
    const { proxies: list } = await control.api<{ proxies: { state: string }[] }>('/api/v1/proxies')
    if (list.length >= proxies && list.every(({ state }) => state === 'SYNCED')) return
    if (Date.now() > until) throw new Error(`proxies do not settle: ${JSON.stringify(list.slice(0, 2))}`)
    await sleep(200)
  }
}

interface Planned {
  readonly tookMs: number
  readonly cpu: number | undefined
  readonly plan: string
  readonly base: number
}

/** Asks for something small again and again, and tells the longest it had to wait, ms. */
function watchPauses(control: ServeChild): { stop(): Promise<number> } {
  let over = false
  const longest = (async () => {
    let most = 0
    while (!over) {
      const start = performance.now()
      await (await fetch(`${control.apiUrl}/healthz/live`)).arrayBuffer()
      most = Math.max(most, performance.now() - start)
      await sleep(2)
    }
    return most
  })()
  return {
    stop() {
      over = true
      return longest
    },
  }
}

async function planned(control: ServeChild, service: number, namespaces: number, weight: number): Promise<Planned> {
  const before = cpuMs(control.process.pid)
  const start = performance.now()
  const { plan, base, classes } = await post<{ plan: string; base: number; classes: unknown[] }>(
    control,
    '/api/v1/plan',
    {
      changes: [{ file: `rule-${service}.yaml`, text: rule(service, namespaces, weight) }],
    },
  )
  const tookMs = performance.now() - start
  const after = cpuMs(control.process.pid)
  if (classes.length === 0) throw new Error('a plan that changes nothing says nothing about its cost')
  return { tookMs, plan, base, cpu: before === undefined || after === undefined ? undefined : after - before }
}

async function applied(control: ServeChild, namespaces: number): Promise<number> {
  const { plan, base } = await planned(control, 0, namespaces, 77)
  const start = performance.now()
  const { id } = await post<{ id: number }>(control, '/api/v1/apply', {
    changes: [{ file: 'rule-0.yaml', text: rule(0, namespaces, 77) }],
    plan,
    base,
    reason: 'bench',
  })
  for (;;) {
    const { counts } = await control.api<{ counts: Record<string, number> }>(`/api/v1/revisions/${id}/convergence`)
    const open = (counts['waiting'] ?? 0) + (counts['sent'] ?? 0)
    if (open === 0 && (counts['ACK'] ?? 0) > 0) return performance.now() - start
    if (performance.now() - start > 30_000) throw new Error(`it does not converge: ${JSON.stringify(counts)}`)
    await sleep(5)
  }
}

async function post<Answer>(control: ServeChild, path: string, body: object): Promise<Answer> {
  const response = await fetch(control.apiUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      services: { type: 'string', default: '1000' },
      proxies: { type: 'string', default: '100' },
      namespaces: { type: 'string', default: '10' },
      plans: { type: 'string', default: '40' },
      mode: { type: 'string', default: 'eager' },
      output: { type: 'string', short: 'o', default: 'table' },
    },
  })
  const options = {
    services: Number(values.services),
    proxies: Number(values.proxies),
    namespaces: Number(values.namespaces),
    plans: Number(values.plans),
    lazy: values.mode === 'lazy',
  }
  try {
    const cost = await planCost(options)
    const row = {
      'first, ms': round(cost.first, 0),
      'first, CPU ms': cost.firstCpu,
      'plan p50, ms': round(median(cost.plans), 0),
      'plan p99, ms': round(quantile(cost.plans, 0.99), 0),
      'CPU ms/plan': cost.cpuPerPlan === undefined ? undefined : round(cost.cpuPerPlan, 0),
      'longest pause ms': round(cost.pause, 0),
      'apply to last ACK, ms': round(cost.applyToAck, 0),
    }
    await report([row], { bench: 'plan', options, row }, values.output)
  } finally {
    await stopEverything()
  }
}
