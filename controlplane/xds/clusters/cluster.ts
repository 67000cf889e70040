import { fromBinary, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { duration, encode, make } from '../../../proto/make.ts'
import type { ResourceType } from '../../../proto/types.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import type { Endpoint } from '../../model/service.ts'
import { BLACK_HOLE_CLUSTER, PASSTHROUGH_CLUSTER } from '../names.ts'
import { adsSource } from './config-source.ts'
import { circuitBreakers } from './connection-pool.ts'
import { dnsDiscovery } from './dns.ts'
import { forwardToAuthority } from './dynamic-forward-proxy.ts'
import { httpProtocolOptions, speaksHttp2 } from './http-protocol-options.ts'
import { isIpEndpoint, isSocketEndpoint, loadAssignment } from './load-assignment.ts'
import { asksForTableSize } from './load-balancer.ts'
import { localitySetting, weighsLocalities } from './locality.ts'
import { hasFewEndpoints } from './maglev-table.ts'
import { originalDestination } from './original-dst.ts'
import type { EffectivePolicy } from './policy.ts'
import type { Problem } from './problem.ts'
import { withProxyProtocol } from './proxy-protocol.ts'
import { settingsBytes } from './settings.ts'
import { altStatName, withStatName } from './stat-name.ts'
import { type ClusterTarget, type Discovery, discoveryOf, policyOf } from './targets.ts'
import { type TlsUpstream, type UpstreamTls, upstreamTls } from './tls.ts'

type ClusterInit = MessageInitShape<typeof ClusterSchema>

export interface CompiledCluster {
  readonly message: Cluster
  /** The encoded message, where it was made that way: `message` is read from it then. */
  readonly bytes?: Uint8Array
  readonly origins: readonly Origin[]
  /** The load assignment that must be sent right behind this cluster. */
  readonly children: readonly { readonly type: ResourceType; readonly name: string }[]
  /** Where the cluster is not what its documents ask for. */
  readonly problems: readonly Problem[]
}

/** An outbound cluster for Envoy. */
export function envoyCluster(scope: Scope, target: ClusterTarget): CompiledCluster {
  const { name, port } = target
  const policy = policyOf(scope, target)
  const tls = upstreamTls(tlsUpstream(scope, target, policy))
  if (tls.kind === 'refused')
    return withStatName(scope.proxy, closedCluster(scope, name, originsOf(target, policy), [tls.problem]))

  const loadBalancer = policy.loadBalancer?.value
  const discovery = discoveryOf(target, policy)
  const found = discover(scope, target, policy, discovery, tls)
  const socket = tls.kind === 'tls' ? tls.transportSocket : undefined
  const balanced = discovery === 'eds' || discovery === 'dns'
  const own = make(ClusterSchema, {
    name,
    altStatName: altStatName(scope.proxy, name),
    ...found.cluster,
    transportSocket: policy.proxyProtocol ? withProxyProtocol(policy.proxyProtocol.value, socket) : socket,
    metadata: { filterMetadata: { istio: istioMetadata(scope, target) } },
  })
  const settings = settingsBytes({
    connectTimeoutMs: scope.settings().connectTimeoutMs,
    pool: policy.connectionPool?.value,
    outlier: policy.outlierDetection?.value,
    retryBudget: policy.retryBudget?.value,
    balancing: balanced
      ? {
          loadBalancer,
          weighted: weighsLocalities(localitySetting(scope, policy), policy),
          fewEndpoints: asksForTableSize(loadBalancer) && hasFewEndpoints(scope, target.service, port),
        }
      : undefined,
    http: {
      protocol: port.protocol,
      autoSni: tls.kind === 'tls' && tls.autoSni,
      autoSanValidation: tls.kind === 'tls' && tls.autoSanValidation,
    },
  })
  const bytes = Buffer.concat([encode(ClusterSchema, own), settings])
  return {
    bytes,
    get message() {
      return fromBinary(ClusterSchema, bytes)
    },
    origins: [...originsOf(target, policy), ...found.origins],
    children: discovery === 'eds' ? [{ type: 'eds', name }] : [],
    problems: tls.kind === 'tls' ? tls.warnings : [],
  }
}

/** Cluster without endpoints: requests to it fail at once (503, flag UH). */
export function blackHoleCluster(scope: Scope): CompiledCluster {
  return closedCluster(scope, BLACK_HOLE_CLUSTER, [], [])
}

/** Cluster for hosts nobody declared, where the mesh allows them. */
export function passthroughCluster(scope: Scope): CompiledCluster {
  const message = make(ClusterSchema, {
    name: PASSTHROUGH_CLUSTER,
    ...forwardToAuthority(false),
    connectTimeout: duration(scope.settings().connectTimeoutMs),
    circuitBreakers: circuitBreakers(undefined, undefined),
    typedExtensionProtocolOptions: httpProtocolOptions({
      protocol: 'http',
      pool: { http: { useClientProtocol: true } },
      outlier: undefined,
      autoSni: false,
      autoSanValidation: false,
    }),
  })
  return { message, origins: [], children: [], problems: [] }
}

/** What TLS of a target depends on. */
export function tlsUpstream(
  scope: Scope,
  { service, port, subset }: ClusterTarget,
  policy: EffectivePolicy,
): TlsUpstream {
  return {
    settings: policy.tls,
    port: port.number,
    subset: subset?.name ?? '',
    hostname: service.hostname,
    serverNames: () => scope.serverNames(service),
    http2: speaksHttp2(port.protocol, policy.connectionPool?.value),
    secretsAllowed: scope.proxy.secretsAllowed,
    workload: scope.settings().workloadCertificates,
  }
}

/** Places that decided a cluster: parts of policies first, because a refused cluster is most likely theirs. */
export function originsOf({ service, subset }: ClusterTarget, policy: EffectivePolicy): readonly Origin[] {
  const parts = Object.values(policy).map((part) => part.origin)
  return [...parts, ...(subset ? [subset.origin] : []), service.origin]
}

/** An EDS cluster whose assignment has the cluster's own name: no two clusters share one, which Envoy would not ask for twice. */
export function edsDiscovery(name: string): Pick<ClusterInit, 'clusterDiscoveryType' | 'edsClusterConfig'> {
  return {
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: adsSource('endpoints'), serviceName: name },
  }
}

interface Found {
  readonly cluster: Pick<
    ClusterInit,
    'clusterDiscoveryType' | 'edsClusterConfig' | 'lbPolicy' | 'lbConfig' | 'loadAssignment'
  >
  readonly origins: readonly Origin[]
}

function discover(
  scope: Scope,
  target: ClusterTarget,
  policy: EffectivePolicy,
  discovery: Discovery,
  tls: UpstreamTls,
): Found {
  if (discovery === 'eds') return { cluster: edsDiscovery(target.name), origins: [] }
  if (discovery === 'original') {
    // What a PASSTHROUGH passes by are the endpoints, and with them their ports.
    const { resolution } = target.service
    return { cluster: originalDestination(resolution === 'NONE' ? target.port.targetPort : undefined), origins: [] }
  }
  if (discovery === 'authority') {
    const verified = tls.kind === 'tls' && tls.autoSni && tls.autoSanValidation
    return { cluster: forwardToAuthority(verified), origins: [] }
  }
  const { message, origins } = loadAssignment(scope, target, policy, isNamedEndpoint)
  const count = message.endpoints.reduce((sum, group) => sum + group.lbEndpoints.length, 0)
  // Envoy takes one answer at a time for a single name only.
  const { resolution } = target.service
  const oneAnswer = resolution !== 'DNS' && count === 1
  return { cluster: { ...dnsDiscovery(oneAnswer), loadAssignment: message }, origins }
}

/** DNS clusters know names and IP addresses, no sockets. */
function isNamedEndpoint(endpoint: Endpoint): boolean {
  return endpoint.address !== '' && !isSocketEndpoint(endpoint)
}

/** Addresses that EDS may carry for Envoy: names would make it refuse the whole assignment. */
export function isEdsEndpoint(endpoint: Endpoint): boolean {
  return isIpEndpoint(endpoint) || isSocketEndpoint(endpoint)
}

/** A STATIC cluster that has no endpoints and never will: whoever is sent to it is refused at once. */
export function closedCluster(
  scope: Scope,
  name: string,
  origins: readonly Origin[],
  problems: readonly Problem[],
): CompiledCluster {
  const message = make(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: duration(scope.settings().connectTimeoutMs),
  })
  return { message, origins, children: [], problems }
}

/** What Istio's dashboards and `istioctl` read from a cluster. */
function istioMetadata(scope: Scope, { service, subset }: ClusterTarget): JsonObject {
  const rule = scope.destinationRules(service)[0]
  return {
    ...(rule && {
      config: `/apis/networking.istio.io/v1alpha3/namespaces/${rule.namespace}/destination-rule/${rule.name}`,
    }),
    ...(subset && { subset: subset.name }),
    ...(service.meshExternal && { external: true }),
    services: [{ host: service.hostname, name: service.hostname.split('.', 1)[0]!, namespace: service.namespace }],
  }
}
