import { connect } from 'node:net'
import type { XdsServer, XdsServerOptions } from '../../controlplane/ads/index.ts'
import { type AdsMetrics, NO_METRICS } from '../../controlplane/ads/metrics.ts'
import { envoyBootstrap, type NodeOptions } from '../../controlplane/bootstrap/envoy.ts'
import type { ConfigObject } from '../../controlplane/config/object.ts'
import { type CompiledMesh, createMesh, type MeshOptions } from '../../controlplane/mesh.ts'
import type { OnDemandMemory } from '../../controlplane/ondemand/index.ts'
import type { Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { configObjects } from '../helpers/objects.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { RoundWatch } from '../helpers/rounds.ts'
import { xdsServer } from '../helpers/xds-server.ts'

export interface Plane {
  readonly mesh: CompiledMesh
  readonly server: XdsServer
  readonly port: number
  /** What passed, in order: `ask` for a subscription, `cds`, `eds` … for a response, `ack cds`. */
  readonly trace: string[]
  /** Bytes of each response, in order. */
  readonly pushed: { readonly type: string; readonly bytes: number }[]
  /** @param config YAML, or what was read from it */
  commit(config: string | ReadonlyMap<string, ConfigObject>): void
  /** Makes a change; resolves when the proxies have been told. */
  after(change: () => void): Promise<void>
  /** Ends it and lets go of it; else that happens after the test file. */
  stop(): Promise<void>
}

/** A control plane in this process that writes down what passes. */
export async function startPlane(
  config: string | ReadonlyMap<string, ConfigObject>,
  options: XdsServerOptions &
    Pick<MeshOptions, 'sharesFrom'> & { readonly port?: number; readonly memory?: OnDemandMemory } = {},
): Promise<Plane> {
  const trace: string[] = []
  const pushed: { readonly type: string; readonly bytes: number }[] = []
  const metrics: AdsMetrics = {
    ...NO_METRICS,
    pushTriggered: (cause) => cause === 'request' && trace.push('ask'),
    pushed: (type, bytes) => {
      trace.push(type)
      pushed.push({ type, bytes })
    },
    acked: (type) => trace.push(`ack ${type}`),
    rejected: (type) => trace.push(`nack ${type}`),
  }
  const rounds = new RoundWatch(metrics)
  const { memory, sharesFrom } = options
  const mesh = createMesh({
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
    ...(memory && { generations: memory.generations }),
    ...(sharesFrom !== undefined && { sharesFrom }),
  })
  mesh.commit(objectsOf(config))
  const server = xdsServer(mesh, {
    metrics: rounds.metrics,
    ...(memory && { workingSets: (node) => memory.workingSet(node) }),
    ...options,
  })
  const forget = stopAfterTests(() => server.stop())
  const { port } = await server.listen(`127.0.0.1:${options.port ?? 0}`)
  return {
    mesh,
    server,
    port,
    trace,
    pushed,
    commit: (next) => void mesh.commit(objectsOf(next)),
    after: (change) => rounds.after(mesh, change),
    async stop() {
      forget()
      await server.stop()
    },
  }
}

function objectsOf(config: string | ReadonlyMap<string, ConfigObject>): ReadonlyMap<string, ConfigObject> {
  return typeof config === 'string' ? configObjects(config) : config
}

export interface LazyEnvoy extends TestEnvoy {
  /** Where it takes HTTP for the mesh. */
  readonly httpPort: number
  /** Its clusters but that of the control plane, sorted. */
  clusters(): Promise<readonly string[]>
  /** Domains of the virtual hosts of its outbound routes, sorted. */
  virtualHosts(): Promise<readonly string[]>
}

/** A real Envoy, delta, that knows nothing but where the control plane is. */
export async function startLazyEnvoy(
  xdsPort: number,
  {
    name = 'web-1',
    metadata = {},
    locality,
    reports = true,
    listeners = [],
    more = {},
  }: {
    readonly name?: string
    readonly metadata?: Record<string, unknown>
    readonly locality?: NodeOptions['locality']
    readonly reports?: boolean
    readonly listeners?: readonly object[]
    /** Further fields of its bootstrap. */
    readonly more?: object
  } = {},
): Promise<LazyEnvoy> {
  const httpPort = await freePort()
  const id = `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`
  const bootstrap = envoyBootstrap({
    node: { id, metadata: { HTTP_PROXY_PORT: httpPort, ...metadata }, ...(locality && { locality }) },
    xds: { host: '127.0.0.1', port: xdsPort },
    mode: 'delta',
    loadReports: reports,
  })
  const envoy = await startEnvoy({
    bootstrap: { ...bootstrap, ...more, static_resources: { ...(bootstrap['static_resources'] as object), listeners } },
  })
  return {
    ...envoy,
    httpPort,
    async clusters() {
      const { dynamic_active_clusters: active = [] } = (await envoy.configDump())['ClustersConfigDump']
      return active.map((entry: { cluster: { name: string } }) => entry.cluster.name).sort()
    },
    async virtualHosts() {
      const { dynamic_route_configs: tables = [] } = (await envoy.configDump())['RoutesConfigDump']
      return tables
        .flatMap((entry: { route_config: { virtual_hosts?: readonly { domains: readonly string[] }[] } }) =>
          (entry.route_config.virtual_hosts ?? []).flatMap(({ domains }) => domains),
        )
        .sort()
    },
  }
}

/** Many services of one upstream: svc0, svc1, … */
export function services(count: number, upstream: Upstream): string {
  return Array.from({ length: count }, (_, index) => serviceAt(`svc${index}.test`, [upstream])).join('')
}

export function virtualService(host: string, http: string): string {
  return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host.replaceAll('.', '-')}}
spec:
  hosts: [${host}]
  http: ${http}
`
}

/** A limit that each Envoy counts by itself: the first request of an hour passes. */
export function oneRequest(host: string): string {
  return `---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: one-request}
spec: {hosts: [${host}], limits: [{tokenBucket: {maxTokens: 1, fillInterval: 1h}}]}
`
}

/**
 * Sends on a new connection and gives back what came until the text was in it, or the other end closed it.
 * @throws Error when neither happens in the end
 */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const overdue = setTimeout(() => {
      reject(new Error(`of ${JSON.stringify(text)} came ${JSON.stringify(got)}, and the connection is open`))
      socket.destroy()
    }, IN_THE_END_MS)
    socket.on('data', (chunk) => {
      got += chunk
      if (got.includes(text)) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(overdue)
      resolve(got)
    })
  })
}
