import type { KindDefinition } from './kind.ts'
import { dubboAuthorizationPolicy, redisDestination, redisService } from './kinds/aeraki.ts'
import { applicationProtocol } from './kinds/application-protocol.ts'
import { authorizationPolicy } from './kinds/authorization-policy.ts'
import { destinationRule } from './kinds/destination-rule.ts'
import { envoyFilter } from './kinds/envoy-filter.ts'
import { envoyResource } from './kinds/envoy-resource.ts'
import { gateway } from './kinds/gateway.ts'
import { mesh } from './kinds/mesh.ts'
import { metaRouter } from './kinds/meta-router.ts'
import { msgRouter } from './kinds/msg-router.ts'
import { peerAuthentication } from './kinds/peer-authentication.ts'
import { protocol } from './kinds/protocol.ts'
import { proxyConfig } from './kinds/proxy-config.ts'
import { rateLimit } from './kinds/rate-limit.ts'
import { requestAuthentication } from './kinds/request-authentication.ts'
import { secret } from './kinds/secret.ts'
import { serviceEntry } from './kinds/service-entry.ts'
import { sidecar } from './kinds/sidecar.ts'
import { telemetry } from './kinds/telemetry.ts'
import { virtualService } from './kinds/virtual-service.ts'
import { trafficExtension, wasmPlugin } from './kinds/wasm.ts'
import { workloadEntry } from './kinds/workload-entry.ts'
import { workloadGroup } from './kinds/workload-group.ts'

/** Every kind known, in the order of docs/kinds.md. */
export const KINDS: readonly KindDefinition[] = [
  mesh,
  serviceEntry,
  workloadEntry,
  virtualService,
  destinationRule,
  gateway,
  sidecar,
  secret,
  envoyResource,
  workloadGroup,
  proxyConfig,
  envoyFilter,
  authorizationPolicy,
  peerAuthentication,
  requestAuthentication,
  telemetry,
  wasmPlugin,
  trafficExtension,
  protocol,
  msgRouter,
  rateLimit,
  metaRouter,
  applicationProtocol,
  dubboAuthorizationPolicy,
  redisService,
  redisDestination,
]

const byName = new Map(KINDS.map((definition) => [`${definition.group}/${definition.kind}`, definition]))

/** A kind by its group and name; undefined when it is none of ours. */
export function findKind(group: string, kind: string): KindDefinition | undefined {
  return byName.get(`${group}/${kind}`)
}

/** Kinds of this name in any group. */
export function kindsNamed(kind: string): readonly KindDefinition[] {
  return KINDS.filter((definition) => definition.kind === kind)
}

const OWN_GROUPS = new Set(KINDS.map(({ group }) => group).filter((group) => group !== ''))

/** Whether kinds of this group are ours to know; the others belong to Kubernetes or to somebody else. */
export function isKnownGroup(group: string): boolean {
  return OWN_GROUPS.has(group) || group.endsWith('.aeraki.io')
}

const KUBERNETES_GROUPS = new Set([
  '',
  'apps',
  'batch',
  'autoscaling',
  'policy',
  'extensions',
  'install.istio.io',
  'operator.istio.io',
])

/** Groups of Kubernetes itself and of its operators: their documents are not for us. */
export function isKubernetesGroup(group: string): boolean {
  return KUBERNETES_GROUPS.has(group) || group.endsWith('.k8s.io') || group.endsWith('.knative.dev')
}
