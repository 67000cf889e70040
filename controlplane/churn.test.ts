import { expect, it, onTestFinished, vi } from 'vitest'
import type { ResourceType } from '../proto/types.ts'
import { node } from '../test/helpers/every-kind.ts'
import { heapCounts } from '../test/helpers/heap-counts.ts'
import { configObjects } from '../test/helpers/objects.ts'
import { StreamClient } from '../test/helpers/stream-client.ts'
import { StreamPlane } from '../test/helpers/stream-plane.ts'
import { toService } from './consul/registry/services.ts'
import { CONSUL_DEFAULTS } from './consul/settings.ts'
import { createMesh } from './mesh.ts'
import { Discovery } from './model/index.ts'
import { GenerationBook } from './ondemand/generations.ts'
import { AccessBook } from './reports/access-book.ts'
import type { AccessEntry } from './reports/access-entries.ts'
import { LoadBook } from './reports/load-book.ts'
import type { NodeInfo } from './xds/resource.ts'

/** Rounds between two counts, each with names that were never there before. */
const ROUNDS = 8
/** Longer than anything is kept of who left, or of what went. */
const LONG_MS = 11 * 60_000

const SETTINGS = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {lazyVirtualHosts: true, drainTime: 0s}
`

/** Documents of one round, in namespaces of its own. */
const documents = (round: number) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web, namespace: shop${round}}
spec:
  hosts: [web${round}.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 5000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.0.1, labels: {version: v${round}}, serviceAccount: web${round}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: arena, namespace: shop${round}}
spec:
  hosts: [arena${round}.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 7000, name: tcp-metaprotocol-p${round}, protocol: TCP}]
  workloadSelector: {labels: {app: arena${round}}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: arena, namespace: shop${round}}
spec: {address: 10.0.0.2, labels: {app: arena${round}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop${round}}
spec:
  host: web${round}.example
  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-${round}}}}
  subsets: [{name: v${round}, labels: {version: v${round}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop${round}}
spec:
  hosts: [web${round}.example, only-a-rule${round}.example]
  gateways: [mesh, edge]
  http: [{match: [{uri: {prefix: /${round}}}], route: [{destination: {host: web${round}.example, subset: v${round}}}]}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop${round}}
spec:
  selector: {istio: edge}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop${round}}
spec:
  egress: [{port: {number: ${20_000 + round}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: ['*/*']}]
---
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: p${round}}
spec:
  frame: {length: {at: 0, type: u32, counts: all}, max: 64KiB}
  message: {kind: {at: 4, type: u8, is: {1: request, 2: response}}}
  fields: {msgid: {at: 8, type: u32}}
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: arena, namespace: shop${round}}
spec: {msgid: ${round}, svrName: arena${round}.example, port: 7000}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: shop${round}}
spec:
  hosts: [outside${round}.example, '*.outside${round}.example']
  resolution: DNS
  ports: [{number: 443, name: tls, protocol: TLS}]
  endpoints: [{address: real${round}.example}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: tls, namespace: shop${round}}
spec:
  selector: {istio: edge}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: MUTUAL, credentialName: web${round}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: web${round}, namespace: shop${round}}
stringData: {tls.crt: certificate ${round}, tls.key: key ${round}, ca.crt: authority ${round}}
---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: web, namespace: shop${round}}
spec: {hosts: [web${round}.example], limits: [{per: [x-${round}], tokenBucket: {maxTokens: 5, fillInterval: 1s}}]}
---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: raw, namespace: shop${round}}
spec:
  selector: {proxyType: sidecar}
  clusters:
  - name: raw${round}
    type: STATIC
    load_assignment: {cluster_name: raw${round}, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: /raw${round}}}}}]}]}
`

/** On demand, by state of the world, a gateway, a gRPC client, a message proxy: of a namespace. */
const nodesOf = (namespace: string) => [
  node(`sidecar~10.0.0.1~lazy.${namespace}~${namespace}`),
  node(`sidecar~10.0.0.2~sotw.${namespace}~${namespace}`, { protocol: 'sotw' }),
  node(`router~10.0.0.3~edge.${namespace}~${namespace}`, { metadata: { LABELS: { istio: 'edge' } } }),
  node(`sidecar~10.0.0.4~grpc.${namespace}~${namespace}`, { protocol: 'sotw', userAgent: 'gRPC Go' }),
  node(`message~10.0.0.5~message.${namespace}~${namespace}`),
]

/** A service of a registry, and its instance. */
const registered = (round: number) => ({
  service: toService({ name: `api${round}`, datacenter: 'dc1', tags: [] }, { ...CONSUL_DEFAULTS, url: '' }, 'dc1')!,
  instance: {
    id: `api${round}`,
    address: '10.9.0.1',
    port: 8000,
    ports: {},
    labels: { version: `v${round}` },
    locality: { region: `r${round}`, zone: 'z', subZone: '' },
    weight: 1,
    health: 'healthy',
  } as const,
})

/** What a proxy that nobody saw before says of requests to clusters that nobody saw before. */
const entry = (round: number): AccessEntry => ({
  kind: 'http',
  cluster: `outbound|80||web${round}.example`,
  routeName: '',
  authority: `web${round}.example`,
  port: 0,
  status: 503,
  flags: ['UH'],
  durationMs: 1,
  received: 0,
  sent: 0,
})

it('a mesh and its streams hold no more for names that came and went: documents, namespaces, services, proxies and their reports, and what was asked for by name', {
  timeout: 120_000,
}, async () => {
  // What is kept of clusters that went is kept for half a minute of the machine's time.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const generations = new GenerationBook()
  const discovery = new Discovery()
  const mesh = createMesh({ generations, discovery })
  const plane = new StreamPlane(mesh)
  const loads = new LoadBook(() => plane.now)
  // Usually for a day, and then so many edges at most.
  const accesses = new AccessBook(() => plane.now, { keepMs: 60_000 })
  const report = (round: number, node: NodeInfo) => {
    const close = loads.opened(node.id)
    const locality = { locality: `r${round}/z/`, issued: 2, succeeded: 1, failed: 1, inProgress: 0 }
    loads.take(node.id, [{ cluster: entry(round).cluster, localities: [locality], dropped: 0, intervalMs: 1000 }])
    accesses.take(node, [entry(round)])
    close()
  }
  const connected = (nodes: readonly NodeInfo[]) =>
    nodes.map((one) => {
      const client = new StreamClient(plane, one, () => 0)
      for (const type of ['cds', 'lds', 'pds', 'mrds', 'mlds'] as const) client.change(type, ['*'], [])
      client.connect('right')
      return client
    })
  const settle = (clients: readonly StreamClient[]) => {
    do {
      for (const client of clients) {
        client.deliver()
        client.flush()
        client.take()
      }
      plane.goOn(1000)
      plane.pass(1000)
    } while (!plane.rests || clients.some(({ rests }) => !rests))
  }
  mesh.commit(configObjects(SETTINGS + documents(0)))
  const standing = connected(nodesOf('default'))
  settle(standing)

  const live = (round: number) => {
    mesh.commit(configObjects(SETTINGS + documents(0) + documents(round)))
    const { service, instance } = registered(round)
    const host = `api${round}.service.consul`
    discovery.change(({ services }) => services([service]))
    const passing = connected(nodesOf(`shop${round}`))
    const everybody = [...standing, ...passing]
    settle(everybody)
    const cluster = `outbound|80|v${round}|web${round}.example`
    const names: Partial<Record<ResourceType, readonly string[]>> = {
      cds: [cluster, `outbound|80||${host}`, `raw${round}`, `outbound|80||nobody${round}.example`],
      eds: [cluster, `outbound|80||${host}`, `outbound|80||nobody${round}.example`],
      rds: [`127.0.0.1_${20_000 + round}`, `nothing${round}`],
      vhds: [`http_proxy~on-demand/web${round}.example`, `http_proxy~on-demand/nobody${round}`, `table${round}/a`],
      sds: [`kubernetes://web${round}`, `kubernetes://nothing${round}`],
    }
    const ask = (clients: readonly StreamClient[], wanted: boolean) => {
      for (const client of clients)
        for (const [type, list] of Object.entries(names)) {
          if (type === 'vhds' && client.node.protocol === 'sotw') continue
          client.change(type as ResourceType, wanted ? list : [], wanted ? [] : list)
        }
      settle(clients)
    }
    ask(everybody, true)
    expect(discovery.wanted()).toContain(host)
    discovery.change(({ endpoints }) => endpoints(host, [instance]))
    for (const one of passing) report(round, one.node)
    generations.next(mesh.view(standing[0]!.node).key, [cluster])
    settle(everybody)
    // What is asked for no longer goes after that in one round, and before it in the next.
    if (round % 2 === 0) ask(everybody, false)
    for (const client of passing) client.disconnect()
    mesh.commit(configObjects(SETTINGS + documents(0)))
    discovery.change(({ services, endpoints }) => {
      services([])
      endpoints(host, undefined)
    })
    settle(standing)
    if (round % 2 !== 0) ask(standing, false)
    plane.pass(LONG_MS)
    vi.advanceTimersByTime(LONG_MS)
    plane.status.sweep()
    discovery.sweep()
    for (const { node: one } of standing) report(0, one)
    settle(standing)
  }
  let round = 0
  const pass = () => {
    for (let more = 0; more < ROUNDS; more++) live(++round)
  }
  pass()
  pass()
  const before = await heapCounts()
  pass()
  const after = await heapCounts()
  const grown = Object.entries(after).filter(([kind, number]) => number - before[kind]! >= ROUNDS)
  expect(grown, `${JSON.stringify(before)} after as many rounds`).toEqual([])
})
