import type { Random } from '../../../codecs/mutated.ts'
import { istioDocument, oneOf, someOf } from '../area.ts'
import type { Asker, Question } from '../question.ts'
import { action, type Pool } from './action.ts'
import { LABELS, match } from './match.ts'
import { PROXY_PORT, type Request, requests } from './requests.ts'

/** A mesh, and requests to its proxies. */
export interface RouteQuestion extends Question {
  readonly requests: readonly Request[]
}

const DOMAIN = 'svc.cluster.local'
/** Hosts of services, with the namespace they are declared in. */
const SERVICES = [
  [`a.default.${DOMAIN}`, 'default'],
  [`b.default.${DOMAIN}`, 'default'],
  [`a.shop.${DOMAIN}`, 'shop'],
  [`c.shop.${DOMAIN}`, 'shop'],
  ['x.test', 'default'],
  ['x.test', 'shop'],
  ['y.x.test', 'default'],
  ['*.x.test', 'default'],
  ['*.test', 'shop'],
] as const
const PORTS = [
  { number: 80, name: 'http', protocol: 'HTTP' },
  { number: 8080, name: 'http-b', protocol: 'HTTP' },
  { number: 9080, name: 'grpc', protocol: 'GRPC' },
  { number: 9081, name: 'web', protocol: 'GRPC-WEB' },
  { number: 443, name: 'tls', protocol: 'TLS' },
] as const
/** Hosts as rules write them. */
const RULE_HOSTS = [
  ...['a', 'b', 'c', 'a.default', `a.default.${DOMAIN}`, `a.shop.${DOMAIN}`, `c.shop.${DOMAIN}`],
  ...['x.test', 'y.x.test', '*.x.test', '*.test', '*', 'z.test', `*.shop.${DOMAIN}`, '10.1.1.1'],
] as const
const DESTINATIONS = [
  ...['a', 'b', 'c', `a.default.${DOMAIN}`, `a.shop.${DOMAIN}`, `c.shop.${DOMAIN}`],
  ...['x.test', 'y.x.test', 'nosuch.test'],
] as const
const GATEWAY_HOSTS = [
  '*',
  'x.test',
  '*.test',
  '*.x.test',
  'y.x.test',
  './x.test',
  'shop/*',
  '*/*.test',
  'default/y.x.test',
  `a.default.${DOMAIN}`,
] as const
const EXPORTS = [['*'], ['.'], ['shop'], ['default'], ['shop', '.']] as const
const ROOT = 'istio-system'
const NAMES = ['r1', 'r2', 'r3', 'z', 'a-1'] as const

export function draw(any: Random, id: string): RouteQuestion {
  const chance = any(8) === 0
  const documents: string[] = []
  const names = new Set<string>()
  /** The third part is as old as the others: then the name decides. */
  const add = (kind: string, name: string, namespace: string, spec: object) => {
    const key = `${kind}/${namespace}/${name}`
    if (names.has(key)) return
    names.add(key)
    const age = { creationTimestamp: `2026-01-0${1 + any(3)}T00:00:00Z` }
    documents.push(istioDocument(kind, name, namespace, spec, age))
  }
  const gatewayNames = any(2) === 0 ? [] : someOf(any, ['gw', 'other'], 2)
  const gateways = ['mesh', ...gatewayNames, ...gatewayNames.map((name) => `default/${name}`)]
  const services = someOf(any, SERVICES, 2)
  for (const [host, namespace] of services.length > 0 ? services : SERVICES.slice(0, 2))
    add(
      'ServiceEntry',
      `${host.replaceAll('.', '-').replaceAll('*', 'any')}${any(6) === 0 ? '-2' : ''}`,
      namespace,
      serviceEntry(any, host),
    )
  for (const name of gatewayNames) add('Gateway', name, 'default', gateway(any))
  const delegates = any(4) === 0 ? [{ name: 'd1' }, { name: 'd2', namespace: 'shop' }] : []
  const pool: Pool = { destinations: DESTINATIONS, gateways, hosts: RULE_HOSTS, delegates, chance }
  for (let count = 1 + any(3); count > 0; count--) {
    const namespace = oneOf(any, ['default', 'default', 'shop'])
    add('VirtualService', oneOf(any, NAMES), namespace, {
      hosts: [...new Set(Array.from({ length: 1 + Number(any(4) === 0) }, () => oneOf(any, RULE_HOSTS)))],
      ...(any(2) === 0 && gateways.length > 1 && { gateways: gatewayList(any, gateways) }),
      ...(any(6) === 0 && { exportTo: oneOf(any, EXPORTS) }),
      http: rules(any, pool),
    })
  }
  for (const { name, namespace = 'default' } of delegates)
    if (any(4) > 0)
      add('VirtualService', name, namespace, {
        ...(any(4) === 0 && { exportTo: oneOf(any, EXPORTS) }),
        http: rules(any, { ...pool, delegates: any(6) === 0 ? pool.delegates : [] }),
      })
  for (const host of someOf(any, ['a', 'b', `a.shop.${DOMAIN}`, 'x.test', '*.test'], 3))
    add('DestinationRule', host.replace('*', 'any'), oneOf(any, ['default', 'shop']), destinationRule(any, host))
  if (any(4) === 0) add('Sidecar', 'default', oneOf(any, ['default', 'default', ROOT]), sidecar(any))
  const shared = {
    outboundTrafficPolicy: { mode: any(3) === 0 ? 'ALLOW_ANY' : 'REGISTRY_ONLY' },
    ...(any(6) === 0 && {
      defaultHttpRetryPolicy: any(4) === 0 ? { attempts: 0 } : { attempts: 1 + any(3), retryOn: '503' },
    }),
    ...(any(8) === 0 && { defaultServiceExportTo: oneOf(any, [['.'], ['*']]) }),
    ...(any(8) === 0 && { defaultVirtualServiceExportTo: oneOf(any, [['.'], ['*']]) }),
  }
  const proxies: Asker[] = [
    { type: 'sidecar', ns: 'default', labels: oneOf(any, LABELS) },
    ...(any(3) === 0 ? [{ type: 'sidecar' as const, ns: 'shop', labels: oneOf(any, LABELS) }] : []),
    ...(gatewayNames.length > 0 ? [{ type: 'router' as const, ns: 'default', labels: { istio: 'gw', app: 'x' } }] : []),
  ]
  return {
    id,
    documents,
    mesh: JSON.stringify(shared),
    settings: JSON.stringify({ apiVersion: 'meshgate.io/v1', kind: 'Mesh', metadata: { name: 'mesh' }, spec: shared }),
    proxies,
    requests: chance ? [] : requests(any, proxies),
  }
}

function rules(any: Random, pool: Pool): object[] {
  return Array.from({ length: 1 + any(3) }, (_, index) => ({
    ...(any(3) === 0 && { name: `rule${index}` }),
    ...(any(4) > 0 && { match: Array.from({ length: 1 + Number(any(3) === 0) }, () => match(any, pool)) }),
    ...action(any, pool),
  }))
}

function gatewayList(any: Random, gateways: readonly string[]): readonly string[] {
  const some = someOf(any, gateways, 2)
  return some.length > 0 ? some : [gateways.at(-1)!]
}

function serviceEntry(any: Random, host: string): object {
  const ports = someOf(any, PORTS, 2)
  const wildcard = host.startsWith('*')
  return {
    hosts: [host],
    ports: ports.length > 0 ? ports : PORTS.slice(0, 1),
    location: oneOf(any, ['MESH_INTERNAL', 'MESH_EXTERNAL']),
    ...(wildcard
      ? { resolution: 'NONE' }
      : {
          resolution: 'STATIC',
          endpoints: ['v1', 'v2'].map((version, index) => ({ address: `10.9.0.${index + 1}`, labels: { version } })),
        }),
    ...(!wildcard && any(4) === 0 && { addresses: [addressOf(host)] }),
    ...(any(6) === 0 && { exportTo: oneOf(any, EXPORTS) }),
  }
}

/** Of two services with one address Istio serves either, by chance. */
function addressOf(host: string): string {
  const at = SERVICES.findIndex(([name]) => name === host)
  return at === 0 ? '10.1.1.1' : `fd00::${at}`
}

function gateway(any: Random): object {
  const servers = Array.from({ length: 1 + any(2) }, (_, index) => {
    const secure = any(4) === 0
    return {
      port: secure
        ? { number: 443, name: `https${index}`, protocol: 'HTTPS' }
        : {
            number: oneOf(any, [80, 80, 8080]),
            name: `http${index}`,
            protocol: oneOf(any, ['HTTP', 'HTTP', 'HTTP2', 'GRPC']),
          },
      hosts: [...new Set(Array.from({ length: 1 + any(2) }, () => oneOf(any, GATEWAY_HOSTS)))],
      ...(secure && { tls: { mode: 'SIMPLE', credentialName: 'certificate' } }),
      ...(!secure && any(6) === 0 && { tls: { httpsRedirect: any(4) > 0 } }),
    }
  })
  return { selector: oneOf(any, [{ istio: 'gw' }, { istio: 'gw' }, { istio: 'other' }]), servers }
}

function destinationRule(any: Random, host: string): object {
  const key = oneOf(any, [
    { httpHeaderName: 'x-a' },
    { httpCookie: { name: 'user', ttl: '0s' } },
    { httpCookie: { name: 'user', ttl: '60s', path: '/p' } },
    { httpCookie: { name: 'user' } },
    { httpCookie: { name: 'user', ttl: '60s', attributes: [{ name: 'SameSite', value: 'Lax' }] } },
    { useSourceIp: true },
    { httpQueryParameterName: 'q' },
  ])
  const policy = any(2) === 0 ? { trafficPolicy: { loadBalancer: { consistentHash: key } } } : {}
  return {
    host,
    ...policy,
    subsets: ['v1', 'v2'].map((name) => ({
      name,
      labels: { version: name },
      ...(any(6) === 0 && { trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }),
    })),
  }
}

/** An egress listener of a Sidecar with a port of its own. */
function listener(any: Random): object {
  return {
    port: {
      number: oneOf(any, [80, 8080, 9080, PROXY_PORT]),
      protocol: oneOf(any, ['HTTP', 'HTTP', 'HTTP_PROXY', 'GRPC', 'GRPC-WEB']),
      name: 'http',
    },
    ...(any(3) === 0 && { bind: '127.0.0.1' }),
    ...(any(3) === 0 && { captureMode: oneOf(any, ['DEFAULT', 'NONE', 'IPTABLES']) }),
  }
}

function sidecar(any: Random): object {
  const mode = oneOf(any, ['REGISTRY_ONLY', 'ALLOW_ANY'])
  const egressProxy = {
    host: oneOf(any, ['x.test', `a.default.${DOMAIN}`, `a.shop.${DOMAIN}`, 'nosuch.test']),
    port: { number: oneOf(any, [80, 8080]) },
  }
  const proxied = mode === 'ALLOW_ANY' && any(2) === 0
  const hosts = () => {
    const some = someOf(any, ['./*', 'shop/*', '*/x.test', '*/*.test', `default/a.default.${DOMAIN}`, '~/*'], 3)
    return some.length > 0 ? some : ['*/*']
  }
  const withPort = any(3) === 0
  return {
    ...(any(3) === 0 && { outboundTrafficPolicy: { mode, ...(proxied && { egressProxy }) } }),
    egress: [
      ...(withPort ? [{ ...listener(any), hosts: hosts() }] : []),
      ...(withPort && any(2) === 0 ? [] : [{ hosts: hosts() }]),
    ],
  }
}
