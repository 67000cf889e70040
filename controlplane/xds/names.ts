import { XDS_CLUSTER } from '../bootstrap/envoy.ts'

/** Names on the wire, in one place because the room that refers to a resource and the one that makes it must agree. */

/** Route configuration of the one outbound HTTP port of a sidecar (Istio's name for its proxy port). */
export const HTTP_PROXY_ROUTES = 'http_proxy'

const ON_DEMAND_TABLE = '~on-demand'

/**
 * The route configuration whose virtual hosts come on demand. Another name than that of the one that holds them itself: Envoy
 * keeps what it was given on demand when a route configuration changes into the other form.
 */
export function onDemandTable(name: string): string {
  return `${name}${ON_DEMAND_TABLE}`
}

/** What a table is called that holds its virtual hosts itself. */
export function eagerTable(name: string): string {
  return isOnDemandTable(name) ? name.slice(0, -ON_DEMAND_TABLE.length) : name
}

/** Whether the virtual hosts of a route table come on demand. */
export function isOnDemandTable(name: string): boolean {
  return name.endsWith(ON_DEMAND_TABLE)
}

/** A virtual host that is asked for: `<route configuration>/<authority>`, as Envoy says it; no authority holds a slash. */
export function virtualHostName(table: string, authority: string): string {
  return `${table}/${authority}`
}

/** The parts of a `virtualHostName`. A name without a slash has no table. */
export function splitVirtualHostName(name: string): { readonly table: string; readonly authority: string } {
  const slash = name.lastIndexOf('/')
  return { table: name.slice(0, Math.max(slash, 0)), authority: name.slice(slash + 1) }
}

/** Whether a name that is remembered of a workload is that of a virtual host; all others are clusters. */
export function isVirtualHostName(name: string): boolean {
  return isOnDemandTable(splitVirtualHostName(name).table)
}

/** Cluster that forwards to whatever authority the caller asked for. */
export const PASSTHROUGH_CLUSTER = 'PassthroughCluster'

/** Cluster of a rate limit service that is not the control plane itself. */
export const RATE_LIMIT_CLUSTER = 'ratelimit'

/** Stages of Envoy's rate limit filters, by what happens to requests that cannot be counted. */
export const RATE_LIMIT_STAGE = { allow: 0, deny: 1 } as const

/** The cluster proxies ask for limits: the control plane they know from their bootstrap, or a service of its own. */
export function rateLimitCluster({ rateLimitService }: { readonly rateLimitService: object | undefined }): string {
  return rateLimitService ? RATE_LIMIT_CLUSTER : XDS_CLUSTER
}

/** Cluster without endpoints: connections to it are closed. */
export const BLACK_HOLE_CLUSTER = 'BlackHoleCluster'

/** A cluster's name on the wire; each time a class lets go of it the generation grows by at least one. */
export function generationName(cluster: string, generation: number): string {
  return generation === 0 ? cluster : `${cluster}~${generation}`
}

/** The parts of a cluster's name on the wire. No host name holds a tilde. */
export function splitGeneration(name: string): { readonly cluster: string; readonly generation: number } {
  const match = /^(outbound\|.+)~(\d{1,9})$/.exec(name)
  return match ? { cluster: match[1]!, generation: Number(match[2]) } : { cluster: name, generation: 0 }
}

/**
 * What a cluster is called in statistics and access logs, whatever its generation, so that dashboards know it by one name.
 * @param delimited whether the name is to end itself: no host name holds a semicolon
 */
export function statName(name: string, delimited: boolean): string {
  const { cluster } = splitGeneration(name)
  return delimited ? `${cluster};` : cluster
}

/** The cluster of such a name, without generation. */
export function clusterOfStatName(name: string): string {
  return name.endsWith(';') ? name.slice(0, -1) : name
}

/** Route configuration of a Sidecar's egress listener: its port, and the bind address when one is given. */
export function egressRouteName(port: number, bind: string | undefined): string {
  return bind ? (bind.startsWith('unix://') ? bind : `${bind}:${port}`) : `${port}`
}

/** Route configuration of the plain HTTP servers of gateways on one port. */
export function gatewayHttpRouteName(port: number, bind: string | undefined): string {
  return bind ? `http.${port}.${bind}` : `http.${port}`
}

/** Route configuration of one server of a gateway that terminates TLS. */
export function gatewayHttpsRouteName(
  port: number,
  portName: string,
  gateway: string,
  namespace: string,
  bind: string | undefined,
): string {
  const name = `https.${port}.${portName}.${gateway}.${namespace}`
  return bind ? `${name}.${bind}` : name
}

/** Cluster and route configuration of a port a sidecar accepts traffic on. */
export function inboundName(port: number): string {
  return `inbound|${port}||`
}

/**
 * SDS name of a Secret of the proxy's own namespace, as `credentialName` gives it: a name, or one that says its kind as
 * Istio's own do (`kubernetes://name`, `kubernetes-gateway://namespace/name`).
 */
export function credentialSecretName(credential: string): string {
  return `kubernetes://${credential.replace(/^kubernetes(?:-gateway)?:\/\//, '')}`
}

/** SDS name of the CA certificates that belong to a credential. */
export function credentialCaName(credential: string): string {
  return `${credentialSecretName(credential)}-cacert`
}

/** SDS name of a certificate and key in files of the proxy's machine. */
export function fileCertificateName(certificate: string, key: string): string {
  return `file-cert:${certificate}~${key}`
}

/** Where most systems keep the CA certificates of the machine. */
const SYSTEM_CA_FILE = '/etc/ssl/certs/ca-certificates.crt'

/** SDS name of CA certificates (and a revocation list) in files of the proxy's machine; `system`: those it trusts itself. */
export function fileCaName(caCertificates: string, crl?: string): string {
  const file = caCertificates === 'system' ? SYSTEM_CA_FILE : caCertificates
  return crl ? `file-root:${file}~${crl}` : `file-root:${file}`
}

/** Whether an SDS name is one of files of the proxy's machine: those are served whatever the documents say. */
export function isFileSecret(name: string): boolean {
  return name.startsWith('file-')
}
