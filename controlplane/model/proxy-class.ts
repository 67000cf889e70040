import type { Locality } from './service.ts'

/**
 * sidecar: beside a workload. router: a gateway (Istio's word in node ids). grpc: a proxyless gRPC library. message: our own
 * proxy for private protocols, beside a workload or as a gateway.
 */
export type ProxyType = 'sidecar' | 'router' | 'grpc' | 'message'

/**
 * The few properties of a node that may change what it gets. Compilation sees a class, never a node: all proxies of a class
 * share every resource byte.
 */
export interface ProxyClass {
  /** Equal keys mean equal classes. */
  readonly key: string
  readonly type: ProxyType
  readonly namespace: string
  /** Only the labels some selector of the present configuration looks at. */
  readonly labels: Readonly<Record<string, string>>
  /** Set only while some locality rule is in force; otherwise it would split classes for nothing. */
  readonly locality: Locality | undefined
  /** Port of the outbound HTTP listener on loopback; 0 means none. */
  readonly httpPort: number
  readonly secretsAllowed: boolean
  /** Its bootstrap knows names of clusters in statistics that end themselves; Envoys only. */
  readonly delimitedStats?: true
  /** It asks for clusters when a request needs them. Absent: it gets all of them at once. */
  readonly lazy?: true
  /** It can report over the connection to the control plane that its bootstrap names. Told apart only where clusters come on demand. */
  readonly reports?: true
  /** It asks for virtual hosts too; only where it asks for clusters. */
  readonly lazyVirtualHosts?: true
  /** Its Envoy can look up clusters in a map, so that virtual hosts which are alike can be one; only where clusters come on demand. */
  readonly sharesVirtualHosts?: true
}
