import { Agent, request as httpRequest } from 'node:http'
import { create, toJson } from '@bufbuild/protobuf'
import { envoyBootstrap, type NodeOptions } from '../../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { dnsCacheConfig } from '../../controlplane/xds/clusters/dynamic-forward-proxy.ts'
import { objectsOf } from '../../controlplane/xds/clusters/fixture.ts'
import { DnsCacheConfigSchema } from '../../proto/gen/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.ts'
import type { Seen, Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { until } from '../helpers/eventually.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { xdsServer } from '../helpers/xds-server.ts'

/** The two wire forms every behaviour is tried in. */
export const MODES = ['delta', 'sotw'] as const

export interface Reply {
  readonly status: number
  /** The upstream that answered; empty when Envoy answered itself. */
  readonly name: string
  /** What the upstream saw, or Envoy's response flags (`UO`, `UH`) when it answered itself. */
  readonly seen: Seen | undefined
  readonly flags: string
}

export interface ClusterBed {
  readonly envoy: TestEnvoy
  /** One request to a cluster, past all routing; `key` is what consistent hashing hashes. */
  get(cluster: string, options?: { key?: string; headers?: Record<string, string>; host?: string }): Promise<Reply>
  /** Replaces the whole configuration. */
  configure(yaml: string): void
  /** The hosts Envoy has in a cluster. */
  hosts(cluster: string): Promise<readonly Host[]>
  /** Resolves when Envoy's hosts of a cluster are as wanted. @throws Error after 10 s, telling what they are. */
  hostsAre(cluster: string, fits: (hosts: readonly Host[]) => boolean): Promise<readonly Host[]>
}

export interface Host {
  /** `127.0.0.1:8080`, or the path of a socket. */
  readonly address: string
  readonly priority: number
  readonly weight: number
  readonly ejected: boolean
  /** It leaves and gets nothing new. */
  readonly draining: boolean
}

/**
 * A real Envoy that gets clusters, endpoints and secrets from a real control plane, behind a listener that sends each
 * request to the cluster its `x-cluster` header names: what is tried is the cluster alone.
 */
export async function startClusterBed(
  mode: (typeof MODES)[number],
  yaml: string,
  locality?: NodeOptions['locality'],
): Promise<ClusterBed> {
  const mesh = createMesh({
    onFailure: (type, name, error) => process.stderr.write(`not compiled: ${type} ${name}: ${error}\n`),
  })
  const configure = (text: string) => {
    mesh.commit(objectsOf(text))
  }
  configure(yaml)
  const server = xdsServer(mesh)
  const { port } = await server.listen('127.0.0.1:0')
  stopAfterTests(() => server.stop(0))
  const node = {
    id: 'sidecar~127.0.0.1~caller.default~default.svc.cluster.local',
    // The listener is the bed's own and asks for nothing on demand.
    metadata: { LAZY: false },
    ...(locality && { locality }),
  }
  const bootstrap = envoyBootstrap({ node, xds: { host: '127.0.0.1', port }, mode })
  const { lds_config: _, ...dynamic } = bootstrap['dynamic_resources'] as Record<string, unknown>
  const envoy = await startEnvoy({
    bootstrap: {
      ...bootstrap,
      dynamic_resources: dynamic,
      static_resources: { ...(bootstrap['static_resources'] as object), listeners: [listener] },
    },
  })
  const entrance = await envoy.listenerPort('entrance')
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  stopAfterTests(async () => agent.destroy())

  const hosts = async (cluster: string) => {
    const { cluster_statuses: clusters = [] } = JSON.parse(await envoy.admin('/clusters?format=json'))
    const found = clusters.find((one: { name: string }) => one.name === cluster)
    return ((found?.host_statuses ?? []) as HostStatus[]).map(toHost)
  }
  return {
    envoy,
    configure,
    hosts,
    get: (cluster, { key = '', headers = {}, host = 'shop.test' } = {}) =>
      send(agent, entrance, { ...headers, 'x-cluster': cluster, 'x-key': key, host }),
    hostsAre: (cluster, fits) => until(() => hosts(cluster), fits),
  }
}

/** How often each upstream answered. */
export function tally(replies: readonly Reply[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { name, flags } of replies) counts[name || flags] = (counts[name || flags] ?? 0) + 1
  return counts
}

/** A ServiceEntry for `<name>.test` on port 80, with endpoints given as flow mappings or as upstreams. */
export function service(
  name: string,
  endpoints: readonly (string | Pick<Upstream, 'port'>)[],
  { protocol = 'http', resolution = 'STATIC' } = {},
): string {
  const written = endpoints.map((one) =>
    typeof one === 'string' ? one : `{address: 127.0.0.1, ports: {${protocol}: ${one.port}}}`,
  )
  return `---
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.test]
  resolution: ${resolution}
  location: MESH_INTERNAL
  ports: [{number: 80, name: ${protocol}}]
  endpoints: [${written.join(', ')}]
`
}

/** A DestinationRule for `<name>.test` with this policy, a flow mapping. */
export function rule(name: string, trafficPolicy: string, subsets = '[]'): string {
  return `---
kind: DestinationRule
metadata: {name: ${name}}
spec: {host: ${name}.test, trafficPolicy: ${trafficPolicy}, subsets: ${subsets}}
`
}

/** Name of the cluster of {@link service}. */
export function clusterOf(name: string, subset = ''): string {
  return `outbound|80|${subset}|${name}.test`
}

/** `count` requests, `parallel` at a time, in order of their index. */
export async function many<T>(count: number, one: (index: number) => Promise<T>, parallel = 32): Promise<T[]> {
  const results = new Array<T>(count)
  let next = 0
  const work = async () => {
    while (next < count) {
      const index = next++
      results[index] = await one(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, work))
  return results
}

function send(agent: Agent, port: number, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, agent, headers, path: '/' }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const name = String(response.headers['x-echo-name'] ?? '')
        resolve({
          status: response.statusCode ?? 0,
          name,
          seen: name && text.startsWith('{') ? JSON.parse(text) : undefined,
          flags: name ? '' : text,
        })
      })
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end()
  })
}

interface HostStatus {
  readonly address: {
    readonly socket_address?: { readonly address: string; readonly port_value: number }
    readonly pipe?: { readonly path: string }
  }
  readonly priority?: number
  readonly weight?: number
  readonly health_status?: { readonly failed_outlier_check?: boolean; readonly eds_health_status?: string }
}

function toHost({ address, priority = 0, weight = 1, health_status: health }: HostStatus): Host {
  const { socket_address: socket, pipe } = address
  return {
    address: socket ? `${socket.address}:${socket.port_value}` : (pipe?.path ?? ''),
    priority,
    weight,
    ejected: health?.failed_outlier_check ?? false,
    draining: health?.eds_health_status === 'DRAINING',
  }
}

const TYPE = 'type.googleapis.com/envoy.extensions.filters'
const listener = {
  name: 'entrance',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: {
            '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: 'entrance',
            local_reply_config: { body_format: { text_format_source: { inline_string: '%RESPONSE_FLAGS%' } } },
            route_config: {
              virtual_hosts: [
                {
                  name: 'all',
                  domains: ['*'],
                  routes: [
                    {
                      match: { prefix: '/' },
                      route: { cluster_header: 'x-cluster', hash_policy: [{ header: { header_name: 'x-key' } }] },
                    },
                  ],
                },
              ],
            },
            http_filters: [
              {
                name: 'envoy.filters.http.dynamic_forward_proxy',
                typed_config: {
                  '@type': `${TYPE}.http.dynamic_forward_proxy.v3.FilterConfig`,
                  dns_cache_config: toJson(DnsCacheConfigSchema, create(DnsCacheConfigSchema, dnsCacheConfig())),
                },
              },
              {
                name: 'envoy.filters.http.router',
                typed_config: { '@type': `${TYPE}.http.router.v3.Router` },
              },
            ],
          },
        },
      ],
    },
  ],
}
