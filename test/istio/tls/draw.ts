import type { Random } from '../../../codecs/mutated.ts'
import { istioDocument, oneOf } from '../area.ts'
import type { Question } from '../question.ts'

/** A connection to a gateway. */
export interface Probe {
  readonly port: number
  /** The name a handshake asks for; none: bytes that are no handshake. */
  readonly sni?: string
  readonly alpn?: readonly string[]
  /** Who shows a certificate: a caller of the CA that gateways know, or of another. */
  readonly certificate?: 'known' | 'stranger'
}

/** A mesh with one gateway proxy, and connections to it. */
export interface TlsQuestion extends Question {
  readonly probes: readonly Probe[]
}

const HOSTS = ['a.test', 'b.test', 'x.a.test', '*.a.test', '*.test', '*'] as const
const NAMESPACES = ['one', 'two'] as const
const TLS_PORTS = [443, 443, 8443] as const
const PORTS = [443, 8443, 9000, 80] as const
const SNI = ['a.test', 'b.test', 'x.a.test', 'y.a.test', 'z.test', 'other'] as const
const TERMINATING = ['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'] as const
const MODES = [...TERMINATING, ...TERMINATING, 'PASSTHROUGH', 'PASSTHROUGH', 'PASSTHROUGH', 'AUTO_PASSTHROUGH'] as const
/** Hosts of services and their ports. */
const SERVICES = [
  ['s1.test', [443, 80], ['TLS', 'HTTP']],
  ['s2.test', [9000], ['TCP']],
  ['s3.test', [443, 9000], ['HTTPS', 'TCP']],
] as const
const SUITES = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'NOT-A-SUITE'] as const

/** What gateways with TLS and TCP servers, rules for them and services are made of. */
export function draw(any: Random, id: string): TlsQuestion {
  const chance = (n: number) => any(n) === 0
  const documents: string[] = []
  const add = (kind: string, name: string, namespace: string, spec: object) =>
    documents.push(istioDocument(kind, name, namespace, spec))
  for (const [host, ports, protocols] of SERVICES)
    add('ServiceEntry', host.replace('.', '-'), oneOf(any, NAMESPACES), {
      hosts: [host],
      location: oneOf(any, ['MESH_INTERNAL', 'MESH_EXTERNAL']),
      resolution: 'STATIC',
      ports: ports.map((number, index) => ({ number, name: `p-${number}`, protocol: protocols[index] })),
      endpoints: [{ address: '127.0.0.1' }],
    })
  if (chance(3)) add('DestinationRule', 'dr', 'one', { host: 's1.test', subsets: [{ name: 'v1', labels: { v: '1' } }] })

  const gateways: string[] = []
  const all: Server[] = []
  for (let index = 0; index <= any(3); index++) {
    const namespace = oneOf(any, NAMESPACES)
    gateways.push(`${namespace}/g${index}`)
    const servers = Array.from({ length: 1 + any(3) }, (_, position) => server(any, `n-${index}-${position}`))
    add('Gateway', `g${index}`, namespace, { selector: { app: 'gw' }, servers })
    all.push(...servers)
  }
  for (let index = 0; index <= any(3); index++)
    add('VirtualService', `v${index}`, oneOf(any, NAMESPACES), rules(any, gateways))
  return {
    id,
    documents,
    proxies: [{ type: 'router', ns: 'one', labels: { app: 'gw' }, ip: '10.0.0.1' }],
    probes: Array.from({ length: 14 }, () => probe(any, all)),
  }
}

function few<One>(any: Random, list: readonly One[]): One[] {
  return [...new Set(Array.from({ length: 1 + any(2) }, () => oneOf(any, list)))]
}

interface Server {
  readonly port: { readonly number: number; readonly name: string; readonly protocol: string }
  readonly hosts: readonly string[]
}

function server(any: Random, name: string): Server {
  const protocol = oneOf(any, ['HTTPS', 'HTTPS', 'TLS', 'TLS', 'TCP', 'HTTP'])
  const number = protocol === 'HTTP' ? 80 : protocol === 'TCP' ? 9000 : oneOf(any, TLS_PORTS)
  const mode = oneOf(any, MODES)
  // `*/*` beside another host ends Istio's control plane.
  const scoped = (host: string) =>
    mode !== 'AUTO_PASSTHROUGH' && host !== '*' && any(7) === 0
      ? `${oneOf(any, ['.', '*', 'one', 'two'])}/${host}`
      : host
  const hosts = [...new Set(few(any, HOSTS).map(scoped))]
  const tls = protocol === 'HTTPS' || protocol === 'TLS' ? serverTls(any, mode) : undefined
  return { port: { number, protocol, name }, hosts, ...(tls && { tls }) }
}

function serverTls(any: Random, mode: (typeof MODES)[number]): object {
  if (!TERMINATING.some((one) => one === mode)) return { mode }
  const chance = (n: number) => any(n) === 0
  const asks = mode !== 'SIMPLE'
  const files = chance(2)
  return {
    mode,
    ...(files
      ? { serverCertificate: '/c/s.pem', privateKey: '/c/s.key', ...(asks && { caCertificates: '/c/ca.pem' }) }
      : { credentialName: oneOf(any, ['c1', 'c2', 'kubernetes://c3']) }),
    ...(asks &&
      chance(4) && { subjectAltNames: [oneOf(any, ['caller.test', 'spiffe://mesh/ns/a/sa/caller', 'no.test'])] }),
    ...(asks && chance(5) && { insecureSkipVerify: true }),
    ...(chance(4) && { minProtocolVersion: oneOf(any, ['TLSV1_2', 'TLSV1_3', 'TLS_AUTO']) }),
    ...(chance(5) && { maxProtocolVersion: oneOf(any, ['TLSV1_2', 'TLSV1_3']) }),
    ...(chance(6) && { cipherSuites: few(any, SUITES) }),
    ...(chance(8) && { ecdhCurves: ['P-256'] }),
  }
}

function rules(any: Random, known: readonly string[]): object {
  const chance = (n: number) => any(n) === 0
  const hosts = few(any, HOSTS)
  const gateways = few(any, known)
  const destination = () => {
    const [host, ports] = oneOf(any, SERVICES)
    const subset = host === 's1.test' && chance(5) ? { subset: 'v1' } : {}
    return { host, ...subset, ...(chance(2) && { port: { number: oneOf<number>(any, ports) } }) }
  }
  const route = () =>
    chance(3)
      ? [
          { destination: destination(), weight: oneOf(any, [0, 20, 50]) },
          { destination: destination(), weight: 80 },
        ]
      : [{ destination: destination() }]
  const where = () => ({
    ...(chance(3) && { port: oneOf<number>(any, PORTS) }),
    ...(chance(6) && { gateways: [oneOf(any, gateways)] }),
  })
  const within = (host: string) => (host.startsWith('*') ? oneOf(any, [host, host.replace('*', 'x')]) : host)
  const list = <One>(make: () => One) => Array.from({ length: 1 + any(2) }, make)
  const tls = chance(3)
    ? undefined
    : list(() => ({ match: list(() => ({ sniHosts: [within(oneOf(any, hosts))], ...where() })), route: route() }))
  const tcp =
    tls && !chance(3) ? undefined : list(() => ({ ...(!chance(3) && { match: list(where) }), route: route() }))
  return { hosts, gateways, ...(tls && { tls }), ...(tcp && { tcp }) }
}

/** Mostly to what a server exposes. */
function probe(any: Random, servers: readonly Server[]): Probe {
  const meant = oneOf(any, servers)
  const port = any(8) === 0 ? oneOf<number>(any, PORTS) : meant.port.number
  if (any(8) === 0) return { port }
  if (any(10) === 0) {
    const [host, ports] = oneOf(any, SERVICES)
    // Callers of Istio's mesh say so by ALPN, and AUTO_PASSTHROUGH is for these.
    return {
      port,
      sni: `outbound_.${oneOf<number>(any, ports)}_.${oneOf(any, ['', '', 'v1'])}_.${host}`,
      alpn: ['istio'],
    }
  }
  return {
    port,
    sni:
      any(4) === 0
        ? oneOf(any, SNI)
        : oneOf(any, meant.hosts).replace(/.*\//, '').replace(/^\*$/, 'z.test').replace('*', 'x'),
    ...(any(3) === 0 && { alpn: oneOf(any, [['h2'], ['h2', 'http/1.1'], ['http/1.1'], ['something']]) }),
    ...(any(2) === 0 && { certificate: oneOf(any, ['known', 'known', 'stranger'] as const) }),
  }
}
