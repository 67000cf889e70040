import type { HttpRetry } from '../config/kinds/http/retry.ts'
import type { MeshSpec, WorkloadCertificates } from '../config/kinds/mesh.ts'
import type { MeshMessages } from '../config/kinds/mesh-messages.ts'
import type { ClientTlsSettings } from '../config/kinds/policy/client-tls.ts'
import type { LocalityLbSetting } from '../config/kinds/policy/locality.ts'
import type { Origin } from '../config/object.ts'
import { parseDuration } from '../config/syntax/duration.ts'
import { parseHostPort } from '../config/syntax/host-port.ts'
import type { World } from './world.ts'

/** Settings of the whole mesh, defaults filled in (kind `Mesh`). Times in ms. */
export interface MeshSettings {
  /** Namespace whose rules apply to all. */
  readonly rootNamespace: string
  /** DNS suffix of short names: `reviews` in namespace `shop` is `reviews.shop.svc.<domain>`. */
  readonly domain: string
  /** Where identities of service accounts belong: `spiffe://<trustDomain>/ns/…`. */
  readonly trustDomain: string
  /** Files on the machines of proxies that ISTIO_MUTUAL means. */
  readonly workloadCertificates: WorkloadCertificates | undefined
  /** What happens to hosts nobody declared. */
  readonly outboundTrafficPolicy: 'REGISTRY_ONLY' | 'ALLOW_ANY'
  /** Port on loopback where sidecars take HTTP for the mesh; 0 means none. */
  readonly httpPort: number
  readonly connectTimeoutMs: number
  /** How long an endpoint that left is listed as draining before it is removed; 0: not at all. */
  readonly drainMs: number
  /** Whether Envoys ask for clusters when a request needs them. */
  readonly lazy: boolean
  /** Whether they ask for virtual hosts too, those that can. */
  readonly lazyVirtualHosts: boolean
  /** After so long without use, in ms, clusters that came on demand are let go of; 0: never. */
  readonly clusterIdleMs: number
  readonly accessLog: { readonly path: string; readonly format: string | undefined } | undefined
  /** How often proxies report what they sent where. */
  readonly loadReportIntervalMs: number
  /** Where limits are counted; undefined: by the control plane. */
  readonly rateLimitService: { readonly host: string; readonly port: number } | undefined
  /** How that service is spoken to, and where that is said; undefined: without TLS. */
  readonly rateLimitTls: { readonly value: ClientTlsSettings; readonly origin: Origin } | undefined
  /** How long a request may wait for what that service decides. */
  readonly rateLimitTimeoutMs: number
  /** Whether proxies report each request. */
  readonly trafficReports: boolean
  readonly localityLbSetting: LocalityLbSetting | undefined
  /** Of message proxies. */
  readonly messages: MeshMessages
  readonly defaultHttpRetry: HttpRetry | undefined
  readonly exportTo: {
    readonly service: readonly string[]
    readonly virtualService: readonly string[]
    readonly destinationRule: readonly string[]
  }
}

/** Settings from the `Mesh` document, or the defaults when there is none. */
export function meshSettings(world: World): MeshSettings {
  const mesh = world.all<MeshSpec>('Mesh')[0]
  const spec: MeshSpec = mesh?.spec ?? {}
  return {
    rootNamespace: spec.rootNamespace ?? 'istio-system',
    domain: spec.domain ?? 'cluster.local',
    trustDomain: spec.trustDomain ?? 'cluster.local',
    workloadCertificates: spec.workloadCertificates,
    outboundTrafficPolicy: spec.outboundTrafficPolicy?.mode === 'ALLOW_ANY' ? 'ALLOW_ANY' : 'REGISTRY_ONLY',
    httpPort: spec.httpPort ?? 15080,
    connectTimeoutMs: parseDuration(spec.connectTimeout ?? '10s') ?? 10_000,
    drainMs: parseDuration(spec.drainTime ?? '10s') ?? 10_000,
    lazy: spec.lazy ?? true,
    lazyVirtualHosts: spec.lazyVirtualHosts ?? false,
    clusterIdleMs: parseDuration(spec.clusterIdleTimeout ?? '15m') ?? 900_000,
    accessLog: spec.accessLog && { path: spec.accessLog.path ?? '/dev/stdout', format: spec.accessLog.format },
    loadReportIntervalMs: parseDuration(spec.loadReportInterval ?? '10s') ?? 10_000,
    rateLimitService: spec.rateLimitService === undefined ? undefined : parseHostPort(spec.rateLimitService),
    rateLimitTls:
      mesh && spec.rateLimitServiceTls
        ? { value: spec.rateLimitServiceTls, origin: { object: mesh, path: ['spec', 'rateLimitServiceTls'] } }
        : undefined,
    rateLimitTimeoutMs: parseDuration(spec.rateLimitTimeout ?? '20ms') ?? 20,
    trafficReports: spec.trafficReports ?? false,
    localityLbSetting: spec.localityLbSetting,
    messages: spec.messages ?? {},
    defaultHttpRetry: spec.defaultHttpRetryPolicy,
    exportTo: {
      service: spec.defaultServiceExportTo ?? ['*'],
      virtualService: spec.defaultVirtualServiceExportTo ?? ['*'],
      destinationRule: spec.defaultDestinationRuleExportTo ?? ['*'],
    },
  }
}
