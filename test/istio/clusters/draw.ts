import { stringify } from 'yaml'
import type { Random } from '../../../codecs/mutated.ts'
import { istioDocument, oneOf, someOf } from '../area.ts'
import type { Asker, Question } from '../question.ts'
import { drawLocalitySetting, drawPolicy } from './policies.ts'

const ROOT = 'istio-system'
const NAMESPACES = ['n1', 'n1', 'n2', ROOT] as const
const HOSTS = ['a.test', 'b.test', 'x.b.test', 'c.n1.svc.cluster.local', 'c.n2.svc.cluster.local'] as const
const WILDCARDS = ['*.b.test', '*.test', '*.n1.svc.cluster.local'] as const
/** Hosts of rules that need not be those of a service. */
const RULE_HOSTS = [...HOSTS, ...WILDCARDS, 'c', '*.local', '*'] as const
const EXPORTS = [['*'], ['.'], ['n1'], ['n2'], [ROOT]] as const
const PLACES = ['', 'r1', 'r1/z1', 'r1/z1/s1', 'r1/z1/s2', 'r1/z2/s1', 'r2', 'r2/z1/s1', 'r3/z1'] as const
const PORTS = [
  { number: 80, name: 'http', protocol: 'HTTP' },
  { number: 8080, name: 'http-b', protocol: 'HTTP' },
  { number: 7070, name: 'grpc', protocol: 'GRPC' },
  { number: 7071, name: 'h2', protocol: 'HTTP2' },
  { number: 7072, name: 'web', protocol: 'GRPC-WEB' },
  { number: 443, name: 'tls', protocol: 'TLS' },
  { number: 444, name: 'https', protocol: 'HTTPS' },
  { number: 9000, name: 'tcp', protocol: 'TCP' },
  { number: 9093, name: 'db', protocol: 'MYSQL' },
  { number: 27017, name: 'mongo', protocol: 'MONGO' },
  { number: 53, name: 'dns', protocol: 'UDP' },
] as const

/** Protocols that DYNAMIC_DNS takes. */
const DYNAMIC: ReadonlySet<string> = new Set(['HTTP', 'HTTP2', 'GRPC', 'TLS'])

type Port = (typeof PORTS)[number] & { readonly targetPort?: number }
/** Something with a chance of one in `n`. */
const perhaps = <One>(any: Random, n: number, make: () => One): One | undefined => (any(n) === 0 ? make() : undefined)

/** Services with endpoints and workloads in several namespaces, rules, Sidecars, and proxies at several places that look at them. */
export function drawClusters(any: Random, id: string): Question {
  const world = new Drawn(any)
  for (let left = 1 + any(3); left > 0; left--) world.service()
  for (let left = any(4); left > 0; left--) world.rule()
  for (let left = any(6) < 2 ? 1 + any(2) : 0; left > 0; left--) world.sidecar()
  const shared = {
    ...(any(6) === 0 && { defaultServiceExportTo: oneOf(any, [['.'], ['*']]) }),
    ...(any(6) === 0 && { defaultDestinationRuleExportTo: oneOf(any, [['.'], ['*']]) }),
    ...(any(6) === 0 && { localityLbSetting: drawLocalitySetting(any) }),
    ...(any(8) === 0 && { connectTimeout: '3s' }),
    ...(any(6) === 0 && { trustDomain: 'td.test' }),
    ...(any(8) === 0 && { rootNamespace: 'n2' }),
  }
  const workloadCertificates = { certificate: '/etc/cert', privateKey: '/etc/key', caCertificates: '/etc/ca' }
  return {
    id,
    documents: world.documents,
    // Istio would offer mutual TLS by itself.
    mesh: stringify({ ...shared, enableAutoMtls: false }),
    settings: stringify({
      apiVersion: 'meshgate.io/v1',
      kind: 'Mesh',
      metadata: { name: 'mesh' },
      spec: { ...shared, workloadCertificates },
    }),
    proxies: [
      asker(any, 'sidecar', 'n1'),
      asker(any, 'sidecar', oneOf(any, ['n2', 'n3', ROOT])),
      asker(any, 'router', 'edge'),
    ],
  }
}

function asker(any: Random, type: Asker['type'], ns: string): Asker {
  const locality = oneOf(any, PLACES)
  const parts = locality.split('/')
  const names = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'] as const
  // Istio adds these to a proxy that connects; the filter does not.
  const place = Object.fromEntries(names.flatMap((name, at) => (parts[at] ? [[name, parts[at]]] : [])))
  const labels = { 'topology.istio.io/cluster': 'Kubernetes', ...drawLabels(any), ...place }
  return { type, ns, labels, locality }
}

function drawLabels(any: Random): Readonly<Record<string, string>> {
  const values = { version: ['v1', 'v2'], app: ['a', 'b'], tier: ['x', 'w'] } as const
  return Object.fromEntries(someOf(any, Object.entries(values)).map(([name, list]) => [name, oneOf<string>(any, list)]))
}

class Drawn {
  readonly #any: Random
  readonly documents: string[] = []
  /** Hosts of services, for rules. */
  readonly #hosts: string[] = []
  /** What has been declared, as `namespace host`. */
  readonly #declared = new Set<string>()
  readonly #ruled = new Map<string, number>()
  #selecting = false
  #exportingHome = false
  #addresses = 0

  constructor(any: Random) {
    this.#any = any
  }

  #add(kind: string, namespace: string, spec: object, labels?: object): void {
    const seconds = String(this.#any(60)).padStart(2, '0')
    const metadata = { creationTimestamp: `2026-01-01T00:00:${seconds}Z`, ...(labels && { labels }) }
    this.documents.push(istioDocument(kind, `o${this.documents.length}`, namespace, spec, metadata))
  }

  service(): void {
    const any = this.#any
    const namespace = oneOf(any, NAMESPACES)
    const wanted = oneOf(any, ['STATIC', 'STATIC', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'NONE', 'DYNAMIC_DNS'])
    const dns = wanted.startsWith('DNS')
    const ports: Port[] = someOf(any, PORTS, 4).map((port) => ({
      ...port,
      ...(any(4) === 0 && { targetPort: 1000 + any(5) }),
    }))
    if (ports.length === 0) ports.push(PORTS[0])
    const host = wanted === 'DYNAMIC_DNS' || (!dns && any(8) === 0) ? oneOf(any, WILDCARDS) : oneOf(any, HOSTS)
    const resolution = ports.every(({ protocol }) => DYNAMIC.has(protocol))
      ? wanted
      : wanted.replace('DYNAMIC_DNS', 'NONE')
    if (this.#declared.has(`${namespace} ${host}`)) return
    this.#declared.add(`${namespace} ${host}`)
    this.#hosts.push(host)
    const selecting = (resolution === 'STATIC' || resolution === 'DNS') && any(4) === 0
    const count = resolution === 'DNS_ROUND_ROBIN' ? 1 : 1 + any(4)
    const written = resolution !== 'NONE' && resolution !== 'DYNAMIC_DNS' && (!dns || any(4) > 0)
    this.#add('ServiceEntry', namespace, {
      hosts: [host],
      ports,
      resolution,
      location: selecting ? 'MESH_INTERNAL' : oneOf(any, ['MESH_INTERNAL', 'MESH_EXTERNAL']),
      exportTo: perhaps(any, 3, () => oneOf(any, EXPORTS)),
      subjectAltNames: perhaps(any, 6, () => ['san.test']),
      addresses: resolution === 'NONE' ? perhaps(any, 3, () => oneOf(any, [['10.8.0.1'], ['10.8.0.0/16']])) : undefined,
      ...(selecting
        ? { workloadSelector: { labels: { app: oneOf(any, ['a', 'b']) } } }
        : written && { endpoints: Array.from({ length: count }, () => this.#endpoint(dns, ports)) }),
    })
    if (!selecting) return
    for (let left = any(4); left > 0; left--)
      this.#add(
        'WorkloadEntry',
        any(5) > 0 ? namespace : oneOf(any, NAMESPACES),
        this.#endpoint(false, ports),
        perhaps(any, 2, () => drawLabels(any)),
      )
  }

  #endpoint(dns: boolean, ports: readonly Port[]): object {
    const any = this.#any
    const at = ++this.#addresses
    return {
      address: dns && any(2) === 0 ? `h${at}.example.com` : `10.0.0.${at}`,
      ports: perhaps(any, 3, () => Object.fromEntries(someOf(any, ports).map(({ name }) => [name, 2000 + any(5)]))),
      labels: perhaps(any, 2, () => ({ ...drawLabels(any), ...(any(8) === 0 && { 'istio-locality': 'r2.z1.s1' }) })),
      locality: perhaps(any, 2, () => oneOf(any, PLACES)),
      weight: perhaps(any, 2, () => any(5)),
      network: perhaps(any, 8, () => 'net1'),
      serviceAccount: perhaps(any, 8, () => 'account'),
    }
  }

  rule(): void {
    const any = this.#any
    const namespace = oneOf(any, NAMESPACES)
    const host = any(3) > 0 && this.#hosts.length > 0 ? oneOf(any, this.#hosts) : oneOf(any, RULE_HOSTS)
    // Istio loses the first of three that are exported differently, and those private to a namespace beside one with a selector.
    const key = `${namespace} ${host}`
    const before = this.#ruled.get(key) ?? 0
    if (before === 2) return
    this.#ruled.set(key, before + 1)
    const selector = this.#exportingHome ? undefined : perhaps(any, 4, drawLabels.bind(undefined, any))
    const exportTo: readonly string[] | undefined = selector
      ? undefined
      : perhaps(any, 3, () => oneOf(any, this.#selecting ? [['*'], ['n1']] : EXPORTS))
    if (selector) this.#selecting = true
    if (exportTo?.includes('.')) this.#exportingHome = true
    this.#add('DestinationRule', namespace, {
      host,
      trafficPolicy: any(5) > 0 ? drawPolicy(any) : undefined,
      subsets: perhaps(any, 2, () =>
        ['s1', 's2'].map((name) => ({
          name,
          labels: perhaps(any, 2, () => (any(3) > 0 ? drawLabels(any) : { 'topology.kubernetes.io/region': 'r1' })),
          trafficPolicy: perhaps(any, 2, () => drawPolicy(any)),
        })),
      ),
      exportTo,
      workloadSelector: selector && Object.keys(selector).length > 0 ? { matchLabels: selector } : undefined,
    })
  }

  sidecar(): void {
    const any = this.#any
    const hosts = [
      './*',
      'n1/*',
      'n2/*',
      `${ROOT}/*`,
      '*/a.test',
      './b.test',
      '*/*.test',
      'n1/*.b.test',
      '~n1/*',
      '~/b.test',
    ]
    const selector = perhaps(any, 2, () => drawLabels(any))
    const chosen = someOf(any, hosts, 3)
    this.#add('Sidecar', oneOf(any, NAMESPACES), {
      workloadSelector: selector && Object.keys(selector).length > 0 ? { labels: selector } : undefined,
      egress: [{ hosts: chosen.length > 0 ? chosen : ['./*'] }],
    })
  }
}
