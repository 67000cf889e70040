import { Agent, request as httpRequest } from 'node:http'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { type Seen, startEcho, type Upstream } from '../../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../../helpers/envoy.ts'
import type { Asker, Resources } from '../question.ts'
import type { Request } from './requests.ts'

/** A place where requests of one port of one proxy are served. */
export interface Place {
  /** Unlike that of any other. */
  readonly key: string
  /** The connection manager, its routes in it. */
  readonly manager: JsonObject
  /** Clusters that the proxy has and the routes name. */
  readonly clusters: readonly string[]
}

/** What came of a request. */
export interface Outcome {
  readonly status: number
  /** Of the response, without what is different each time. */
  readonly headers: Readonly<Record<string, string>>
  /** What the proxy answered by itself. */
  readonly body?: string
  /** The cluster that was chosen, and what the upstream saw. */
  readonly cluster?: string
  readonly method?: string
  readonly path?: string
  readonly seen?: Readonly<Record<string, string>>
  /** How often the upstream saw it. */
  readonly attempts?: number
  /** Clusters that got a copy. */
  readonly mirrors?: readonly string[]
}

/** A real Envoy that serves places, and an upstream behind all of them. */
export class Bed {
  readonly #envoy: TestEnvoy
  readonly #upstream: Upstream
  readonly #ports: ReadonlyMap<string, number>
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 })
  /** What the upstream saw of each request. */
  readonly #seen = new Map<string, Seen[]>()
  #count = 0

  private constructor(envoy: TestEnvoy, upstream: Upstream, ports: ReadonlyMap<string, number>) {
    this.#envoy = envoy
    this.#upstream = upstream
    this.#ports = ports
    upstream.behave((seen) => {
      const id = seen.headers['x-ask'] ?? ''
      const list = this.#seen.get(id)
      if (list) list.push(seen)
      else this.#seen.set(id, [seen])
      return {}
    })
  }

  /** @throws Error with Envoy's own words when it refuses a place */
  static async start(places: readonly Place[]): Promise<Bed> {
    const upstream = await startEcho('upstream')
    const envoy = await startEnvoy({
      bootstrap: {
        static_resources: {
          listeners: places.map(listener),
          clusters: places.flatMap((place) => place.clusters.map((name) => cluster(place, name, upstream.port))),
        },
      },
      logLevel: 'error',
    }).catch(async (error: unknown) => {
      await upstream.stop()
      throw error
    })
    const ports = new Map<string, number>()
    const { listener_statuses: statuses = [] } = JSON.parse(await envoy.admin('/listeners?format=json')) as {
      listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[]
    }
    for (const { name, local_address } of statuses) ports.set(name, local_address.socket_address.port_value)
    return new Bed(envoy, upstream, ports)
  }

  /** Sends a request to a place. Copies are told by `copies`, once they had time to arrive. */
  async send(key: string, request: Request): Promise<{ readonly id: string; readonly outcome: Outcome }> {
    const id = String(++this.#count)
    const { status, headers, body } = await ask(this.#agent, this.#ports.get(key)!, request, id)
    const seen = this.#seen.get(id) ?? []
    const answered = headers['x-answered-by']
    const first = seen.find((one) => one.headers['x-cluster'] === answered)
    if (first === undefined) return { id, outcome: { status, headers: kept(headers), ...(body && { body }) } }
    const { 'x-cluster': name = '', ...rest } = first.headers
    return {
      id,
      outcome: {
        status,
        headers: kept(headers),
        cluster: withoutPlace(name),
        method: first.method,
        path: first.path,
        seen: kept(rest),
        attempts: seen.filter((one) => one.headers['x-cluster'] === name).length,
      },
    }
  }

  /** Clusters that have got a copy of the request by now. */
  copies(id: string, { cluster }: Outcome): readonly string[] {
    const names = (this.#seen.get(id) ?? []).map((one) => withoutPlace(one.headers['x-cluster'] ?? ''))
    return [...new Set(names.filter((name) => name !== cluster))].sort()
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#envoy.stop()
    await this.#upstream.stop()
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function ask(agent: Agent, port: number, request: Request, id: string): Promise<Answer> {
  const { authority, method, path, headers } = request
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, agent, setHost: false }
    const sent = httpRequest({ ...options, headers: { host: authority, ...headers, 'x-ask': id } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const values = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
        const body = Buffer.concat(chunks).toString('latin1')
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(values), body })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Headers that are different each time, or tell of this bed. */
const NOISE = new Set([
  ...[
    'x-request-id',
    'x-ask',
    'x-cluster',
    'x-answered-by',
    'date',
    'server',
    'connection',
    'keep-alive',
    'transfer-encoding',
  ],
  ...['content-length', 'x-envoy-upstream-service-time', 'x-envoy-decorator-operation', 'x-envoy-external-address'],
])

function kept(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !NOISE.has(name))
      // An address of this machine.
      .map(([name, value]) => [name, name === 'x-forwarded-for' ? 'set' : value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

function withoutPlace(name: string): string {
  return name.slice(name.indexOf('~') + 1)
}

function listener({ key, manager, clusters }: Place): JsonObject {
  return {
    name: key,
    address: { socketAddress: { address: '127.0.0.1', portValue: 0 } },
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typedConfig: renamed(withoutIstio(manager), `${key}~`, new Set(clusters)),
          },
        ],
      },
    ],
  } as JsonObject
}

const MUTATION = 'type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'
const CODEC = 'type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Every cluster leads to the one upstream, and tells it and the caller its name. */
function cluster({ key }: Place, name: string, port: number): JsonObject {
  const full = `${key}~${name}`
  const tell = (header: string) => ({ append: { header: { key: header, value: full.replaceAll('%', '%%') } } })
  return {
    name: full,
    type: 'STATIC',
    connectTimeout: '5s',
    loadAssignment: {
      clusterName: full,
      endpoints: [
        { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: port } } } }] },
      ],
    },
    typedExtensionProtocolOptions: {
      [OPTIONS]: {
        '@type': `type.googleapis.com/${OPTIONS}`,
        explicitHttpConfig: { httpProtocolOptions: {} },
        httpFilters: [
          {
            name: 'tell',
            typedConfig: {
              '@type': MUTATION,
              mutations: { requestMutations: [tell('x-cluster')], responseMutations: [tell('x-answered-by')] },
            },
          },
          { name: 'codec', typedConfig: { '@type': CODEC } },
        ],
      },
    },
  }
}

/** Without filters that only Istio's own proxy has, logs and traces. */
function withoutIstio(manager: JsonObject): JsonObject {
  const { accessLog: _log, tracing: _tracing, httpFilters = [], ...rest } = manager
  return {
    ...rest,
    httpFilters: (httpFilters as JsonObject[]).filter(
      ({ name }) => !/^istio|peer_metadata|grpc_stats|on_demand/.test(String(name)),
    ),
  }
}

/** The same with clusters called by the names they have in the bed. What does not exist there stays as it is. */
function renamed(json: JsonValue, prefix: string, known: ReadonlySet<string>): JsonValue {
  if (Array.isArray(json)) return json.map((item) => renamed(item, prefix, known))
  if (typeof json !== 'object' || json === null) return json
  const name = (text: JsonValue | undefined) =>
    typeof text === 'string' && known.has(text) ? prefix + text : (text ?? '')
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (key === 'cluster' && typeof value === 'string') return [key, name(value)]
      if (key === 'weightedClusters') {
        const { clusters = [], ...rest } = value as { clusters?: JsonObject[] }
        return [key, { ...rest, clusters: clusters.map((one) => ({ ...one, name: name(one['name']) })) }]
      }
      return [key, renamed(value, prefix, known)]
    }),
  )
}

/**
 * The connection manager that serves a port of a proxy, its routes in it: of a gateway the table of the port (of several with TLS the
 * first by name, TLS left out), of a sidecar that of the port's number, else the one table for all ports that ours have. Undefined when
 * nothing listens there.
 */
export function managerOf(resources: Resources, { type }: Asker, port: number): JsonObject | undefined {
  const all = managers([...resources.listeners])
  const tables = all.map((manager) => String((manager['rds'] as JsonObject | undefined)?.['routeConfigName'])).sort()
  const secure = tables.find((name) => name.startsWith(`https.${port}.`))
  const bound = tables.find((name) => name.endsWith(`:${port}`))
  const names = type === 'router' ? [`http.${port}`, secure] : [`${port}`, bound, 'http_proxy']
  for (const wanted of names)
    for (const manager of all) {
      const name = (manager['rds'] as JsonObject | undefined)?.['routeConfigName']
      if (name === undefined || name !== wanted) continue
      const { rds: _, ...rest } = manager
      const table = resources.routes.find((one) => one['name'] === name) ?? { name }
      return { ...rest, routeConfig: { ...table, validateClusters: false } }
    }
  return undefined
}

function managers(json: JsonValue): readonly JsonObject[] {
  if (Array.isArray(json)) return json.flatMap(managers)
  if (typeof json !== 'object' || json === null) return []
  if (String(json['@type']).endsWith('.HttpConnectionManager')) return [json]
  return Object.values(json).flatMap(managers)
}
