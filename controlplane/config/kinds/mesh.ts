import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, type Report, required, valid } from '../schema.ts'
import { exportToProblems } from '../syntax/export-to.ts'
import { fqdnProblem, isDnsLabel, shown } from '../syntax/host.ts'
import { parseHostPort } from '../syntax/host-port.ts'
import { bool, duration, durationOrZero, stringMap, strings, text } from '../syntax/values.ts'
import { httpRetry } from './http/retry.ts'
import { meshMessages } from './mesh-messages.ts'
import { clientTlsSettings } from './policy/client-tls.ts'
import { localityLbSetting } from './policy/locality.ts'

const portOrOff = z.number().int().min(0).max(65_535).meta({ format: 'port' })

/** A proxy that `meshgate up` starts: a message proxy where the node id begins with `message~`, else an Envoy, with `--envoy`. */
const meshProxy = message({
  node: required(
    text.min(1),
    'Node id, `<sidecar|router|message>~<address>~<name>.<namespace>~<domain>` or any name; `message` is a message proxy.',
  ),
  metadata: optional(z.record(z.string(), z.unknown()), 'Node metadata: LABELS, NAMESPACE and so on.'),
  adminPort: optional(portOrOff, 'Port of the admin interface; 0 lets the system choose.', { default: '0' }),
  mode: optional(z.enum(['delta', 'sotw']), 'Form of xDS the proxy uses.', { default: 'delta' }),
  concurrency: optional(z.number().int().min(1).max(1024), 'Worker threads; of a message proxy processes.', {
    default: '1',
  }),
  loadReports: optional(z.boolean(), 'Whether it reports the requests of each cluster to the control plane.', {
    default: 'true',
  }),
  deferredStats: optional(
    z.boolean(),
    "Whether an Envoy makes a cluster's traffic statistics with its first request only, for one that holds many clusters it does not use.",
    { default: 'false' },
  ),
})
export type MeshProxy = z.infer<typeof meshProxy>

/** A program that `meshgate up` starts beside the mesh. */
const meshProcess = message({
  name: required(text.min(1), 'Name, for its output.'),
  command: required(
    z.array(text.min(1)).min(1),
    'Program and arguments; started in the configuration folder, without a shell.',
  ),
  env: optional(stringMap, 'Environment variables to add.'),
  readyPort: optional(z.number().int().min(1).max(65_535), 'The program is ready when this port on loopback accepts.'),
})
export type MeshProcess = z.infer<typeof meshProcess>

const meshAccessLog = message({
  path: optional(text.min(1), 'File the log goes to.', { default: '/dev/stdout' }),
  format: optional(
    text,
    'Envoy format string. `%UPSTREAM_CLUSTER%` is what statistics call a cluster, its name and `;`; `%UPSTREAM_CLUSTER_RAW%` is its name, with the `~1` of one that came back.',
    { default: "Envoy's" },
  ),
})

/** Where each proxy's machine keeps the identity of its workload, put there by SPIRE, cert-manager or whoever issues it. */
const workloadCertificates = message({
  certificate: required(text.min(1), 'PEM file with the certificate of the workload and those between it and the CA.'),
  privateKey: required(text.min(1), 'PEM file with its private key.'),
  caCertificates: required(text.min(1), 'PEM file with the CAs that identities of the mesh are signed by.'),
})
export type WorkloadCertificates = z.infer<typeof workloadCertificates>

/** A Consul whose services are services of the mesh. */
const meshConsul = message({
  url: required(text.min(1), 'Address of the agent, `http://127.0.0.1:8500` or `https://…`.'),
  tokenFile: optional(text.min(1), 'File with the ACL token on its first line; read again when it changes.'),
  ca: optional(text.min(1), "PEM file with the CA of the agent's certificate."),
  cert: optional(text.min(1), 'PEM file with the certificate to show.'),
  key: optional(text.min(1), 'PEM file with its private key.'),
  datacenters: optional(strings, "Datacenters to read beside the agent's own."),
  domain: optional(text.min(1), 'What hosts end in: `<name>.service.<domain>`.', { default: 'consul' }),
  namespace: optional(text.min(1), 'Namespace of the services.', { default: 'default' }),
  port: optional(z.number().int().min(1).max(65_535), 'Port callers use, where no tag `meshgate.port=…` says it.', {
    default: '80',
  }),
  protocol: optional(text.min(1).max(63), 'Protocol of that port: http, grpc, tcp or the name of a private one.', {
    default: 'http',
  }),
  shrinkPercent: optional(
    z.number().min(0).max(100),
    'A list of services or instances that loses more than this share at once waits to be confirmed.',
    { default: '50' },
  ),
  confirmTime: optional(duration, 'How long such a list must stay so to be believed.', { default: '15s' }),
  nameGrace: optional(duration, 'How long a service whose last instance went keeps its name.', { default: '60s' }),
})
export type MeshConsul = z.infer<typeof meshConsul>

const meshFields = message({
  rootNamespace: optional(text.min(1), 'Namespace whose policies hold for all namespaces.', {
    default: 'istio-system',
  }),
  domain: optional(text.min(1), 'Domain that short service names end in, after `svc`.', { default: 'cluster.local' }),
  trustDomain: optional(
    text.min(1),
    'Trust domain of service accounts: `serviceAccount: a` in namespace b is `spiffe://<trustDomain>/ns/b/sa/a`.',
    { default: 'cluster.local' },
  ),
  workloadCertificates: optional(
    workloadCertificates,
    'Certificates that ISTIO_MUTUAL means, as files on the machine of each proxy; nothing of them is sent.',
    { default: 'none: hosts and gateway servers with ISTIO_MUTUAL are closed' },
  ),
  defaultNamespace: optional(text.min(1), 'Namespace of documents that name none.', { default: 'default' }),
  outboundTrafficPolicy: optional(
    message({
      mode: optional(z.enum(['REGISTRY_ONLY', 'ALLOW_ANY']), 'REGISTRY_ONLY answers 502, ALLOW_ANY passes through.', {
        default: 'REGISTRY_ONLY',
      }),
    }),
    'What happens to traffic for unknown hosts.',
  ),
  httpPort: optional(portOrOff, 'Port of the HTTP proxy that sidecars offer to their workload; 0 turns it off.', {
    default: '15080',
  }),
  lazy: optional(
    z.boolean(),
    'Whether Envoys that speak delta xDS get clusters when a request needs them; false sends all at once.',
    { default: 'true' },
  ),
  lazyVirtualHosts: optional(
    z.boolean(),
    'Whether Envoys from 1.38 that get clusters on demand get the virtual hosts of their outbound routes so too.',
    { default: 'false' },
  ),
  clusterIdleTimeout: optional(
    durationOrZero,
    'Clusters that came on demand and that no proxy of a kind has used for this time are let go of; 0s keeps them.',
    { default: '15m' },
  ),
  connectTimeout: optional(duration, 'Longest time to open a connection to an endpoint.', { default: '10s' }),
  drainTime: optional(
    durationOrZero,
    'How long an endpoint that left its service is listed as draining, so that it gets nothing new, before it is removed; 0s removes at once.',
    { default: '10s' },
  ),
  accessLog: optional(meshAccessLog, 'Access log of all proxies.', { default: 'none' }),
  messages: optional(meshMessages, 'What message proxies do on all their listeners and with all their upstreams.'),
  loadReportInterval: optional(duration, 'How often proxies report the number of requests of each cluster.', {
    default: '10s',
  }),
  rateLimitService: optional(
    valid(text, (value) =>
      parseHostPort(value) ? undefined : `${JSON.stringify(value)} is no HOST:PORT, such as 10.0.0.5:18081`,
    ),
    'HOST:PORT of a rate limit service (`meshgate ratelimit`).',
    { default: 'the control plane itself' },
  ),
  rateLimitServiceTls: optional(clientTlsSettings, 'TLS to `rateLimitService`; files are those of the proxies.', {
    default: 'none',
  }),
  rateLimitTimeout: optional(
    duration,
    'How long a request may wait for the decision of the rate limit service; later, `onFailure` of the limit decides.',
    { default: '20ms' },
  ),
  trafficReports: optional(
    bool,
    'Proxies report each request and TCP connection to the control plane, which counts them by caller and callee.',
    { default: 'false' },
  ),
  defaultServiceExportTo: optional(strings, 'exportTo of ServiceEntries that have none.', { default: '["*"]' }),
  defaultVirtualServiceExportTo: optional(strings, 'exportTo of VirtualServices that have none.', { default: '["*"]' }),
  defaultDestinationRuleExportTo: optional(strings, 'exportTo of DestinationRules that have none.', {
    default: '["*"]',
  }),
  defaultHttpRetryPolicy: optional(httpRetry, 'Retries of routes that say nothing.', { default: '2 attempts' }),
  localityLbSetting: optional(localityLbSetting, 'Locality load balancing of all hosts.'),
  consul: optional(meshConsul, 'A Consul whose services are services of the mesh.'),
  proxies: optional(
    z.array(meshProxy),
    'Proxies that `meshgate up` starts: message proxies always, Envoys with `--envoy`.',
  ),
  processes: optional(z.array(meshProcess), 'Programs that `meshgate up` starts beside, such as demo services.'),
})

const EXPORT_FIELDS = [
  'defaultServiceExportTo',
  'defaultVirtualServiceExportTo',
  'defaultDestinationRuleExportTo',
] as const

function unique<T>(
  items: readonly T[],
  of: (item: T) => string | number | undefined,
  report: (index: number, earlier: number) => void,
): void {
  const seen = new Map<string | number, number>()
  for (const [index, item] of items.entries()) {
    const value = of(item)
    if (value === undefined) continue
    const earlier = seen.get(value)
    if (earlier !== undefined) report(index, earlier)
    else seen.set(value, index)
  }
}

function meshRule(spec: MeshSpec, report: Report): void {
  for (const field of ['rootNamespace', 'defaultNamespace'] as const) {
    const value = spec[field]
    if (value !== undefined && !isDnsLabel(value)) report([field], `${shown(value)} is no namespace`)
  }
  const domain = spec.domain === undefined ? undefined : fqdnProblem(spec.domain)
  if (domain) report(['domain'], domain)
  for (const field of EXPORT_FIELDS) {
    // There is no own namespace here: `.` stands for that of each document.
    for (const { index, message } of exportToProblems(spec[field] ?? [], '.', {
      service: field === 'defaultServiceExportTo',
    }))
      report([field, ...(index < 0 ? [] : [index])], message)
  }
  const { proxies = [], processes = [] } = spec
  unique(
    proxies,
    ({ node }) => node,
    (index, earlier) => report(['proxies', index, 'node'], `the node id is used by proxies[${earlier}] too`),
  )
  unique(
    proxies,
    ({ adminPort }) => adminPort || undefined,
    (index, earlier) => report(['proxies', index, 'adminPort'], `the port is used by proxies[${earlier}] too`),
  )
  unique(
    processes,
    ({ name }) => name,
    (index, earlier) => report(['processes', index, 'name'], `the name is used by processes[${earlier}] too`),
  )
}

/** Settings of the whole mesh; one document, normally `meshgate.yaml`. */
const meshSpec = checked(meshFields, meshRule)
export type MeshSpec = z.infer<typeof meshFields>

export const mesh: KindDefinition<MeshSpec> = {
  kind: 'Mesh',
  group: 'meshgate.io',
  versions: ['v1'],
  doc: 'Settings of the whole mesh, and what `meshgate up` starts. One document, normally meshgate.yaml.',
  compiled: true,
  single: true,
  schema: meshSpec,
}
