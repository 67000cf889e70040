import type { Upstream } from '../helpers/echo.ts'
import { asVersion, meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'

/** What a service may be: each list is one thing that changes by itself, the usual first. */
export const SERVICE = {
  ports: [[80], [8080], [80, 8080], []],
  protocol: ['HTTP', 'HTTP2'],
  /** Where the ServiceEntry is, and whether other namespaces see it. */
  place: ['default', 'other', 'hidden'],
  /** `apart`: two, of which one is where the proxies are. */
  hosts: ['one', 'another', 'two', 'apart', 'none'],
  policy: ['nothing', 'pool', 'hash', 'subsets', 'subsets that hash', 'failover', 'tls'],
} as const

/** How many of a list, from its beginning, are usual where it is not the first alone: upstreams answer with each of them. */
export const USUAL: Readonly<Record<string, number>> = {
  protocol: 2,
  hosts: 4,
  policy: 6,
} satisfies Partial<Record<keyof typeof SERVICE, number>>

/** What the rule of a front may say. */
export const FRONT = {
  rule: [
    ...(['plain', 'first', 'second', 'split', 'all to one', 'mirror', 'path', 'header', 'rewrite'] as const),
    ...(['redirect', 'answer', 'fault', 'timeout', 'nowhere', 'none'] as const),
    ...(['split of versions', 'mirror to a version', 'no header', 'rewrite of a path', 'redirect of a path'] as const),
    ...(['fault for some', 'headers', 'retries', 'in the mesh'] as const),
  ],
  port: [undefined, 80, 8080],
  target: [0, 1, 2, 3],
} as const

/** What is usual for each front: an upstream answers, and between them they lead to one cluster and to several. */
export const USUAL_RULES = [
  'plain',
  'mirror',
  'split',
  'path',
] as const satisfies readonly (typeof FRONT.rule)[number][]

/** What is said of everybody. */
export const ALL = {
  unknown: ['REGISTRY_ONLY', 'ALLOW_ANY'],
  scope: ['everything', 'some', 'own namespace'],
  /** Which hosts gateways take. */
  gate: ['all', 'some'],
} as const

type Choice<Lists> = { -readonly [Name in keyof Lists]: Lists[Name] extends readonly (infer One)[] ? One : never }
type Service = Choice<typeof SERVICE>
type Front = Choice<typeof FRONT>

/** Where the proxies are, as a locality. */
export const HERE = 'here/near'

export const SERVICES = FRONT.target.length
export const FRONTS = USUAL_RULES.length

/**
 * A mesh whose documents change in what they say: ports and protocols of services, who may see them, subsets, hash, TLS, and for what is in front of
 * them every kind of rule. It is always a mesh that can be compiled, and often one in which something is missing.
 */
export class ChangingRules {
  services: Service[] = []
  fronts: Front[] = []
  all: Choice<typeof ALL> = { unknown: 'REGISTRY_ONLY', scope: 'everything', gate: 'all' }
  private readonly upstreams: readonly Upstream[]
  private readonly gateways: Readonly<Record<string, number>>

  /** @param gateways ports by name, which is the value of the label `gw` of their Envoys */
  constructor(upstreams: readonly Upstream[], gateways: Readonly<Record<string, number>>) {
    this.upstreams = upstreams
    this.gateways = gateways
    this.becomeUsual()
  }

  /** Everything is as at the beginning: whatever is asked for is there. */
  becomeUsual(): void {
    this.services = Array.from({ length: SERVICES }, () => ({
      ports: [80],
      protocol: 'HTTP',
      place: 'default',
      hosts: 'one',
      policy: 'nothing',
    }))
    this.fronts = USUAL_RULES.map((rule, at) => ({ rule, port: undefined, target: at as Front['target'] }))
    this.all = { unknown: 'REGISTRY_ONLY', scope: 'everything', gate: 'all' }
  }

  /** Whether chance decides which upstream answers for a front (or a service, when it is asked itself). */
  isChance(host: string): boolean {
    const [, kind, number] = /^(front|svc)(\d)/.exec(host) ?? []
    if (kind === 'svc') return this.spreads(Number(number))
    if (kind === undefined) return false
    const { rule, target } = this.fronts[Number(number)]!
    return rule.startsWith('split') || this.spreads(target) || this.spreads(after(target))
  }

  /** Whether each request for a host is copied to another service that is there to take it. */
  isMirrored(host: string): boolean {
    const front = this.fronts[Number(/^front(\d)/.exec(host)?.[1])]
    if (!front?.rule.startsWith('mirror') || front.port !== undefined) return false
    const { ports, place, hosts, policy } = this.services[after(front.target)]!
    const isSeen = place !== 'hidden' && this.all.scope === 'everything'
    const isThere = isSeen && ports.length === 1 && hosts !== 'none' && policy !== 'tls'
    return isThere && (front.rule === 'mirror' || (policy.startsWith('subsets') && hosts !== 'one'))
  }

  /** How everything is at present. */
  toString(): string {
    return JSON.stringify({ services: this.services, fronts: this.fronts, all: this.all })
  }

  yaml(): string {
    return [
      ...this.services.map((_, at) => this.service(at)),
      ...this.fronts.map((_, at) => this.front(at)),
      ...Object.entries(this.gateways).map(([name, port]) => gateway(name, port, this.all.gate)),
      // A host that is gone would be asked for a while yet, where it was the last one.
      meshSettings(`drainTime: 0s, outboundTrafficPolicy: {mode: ${this.all.unknown}}`),
      this.sidecar(),
    ].join('')
  }

  private spreads(at: number): boolean {
    const { hosts, policy } = this.services[at]!
    if (policy === 'hash') return false
    return hosts === 'two' || (hosts === 'apart' && policy !== 'failover')
  }

  private service(at: number): string {
    const { ports, protocol, place, hosts, policy } = this.services[at]!
    if (ports.length === 0) return ''
    const host = `svc${at}.test`
    const named = ports.map((number) => `{number: ${number}, name: p${number}, protocol: ${protocol}}`).join(', ')
    const upstream = (offset: number) => this.upstreams[(at + offset) % this.upstreams.length]!
    const [first, second] = [asVersion(upstream(0), 'v1'), asVersion(upstream(1), 'v2')]
    const apart = [
      { ...first, locality: HERE },
      { ...second, locality: 'elsewhere/far' },
    ]
    const places = { one: [first], another: [second], two: [first, second], apart, none: [] }[hosts]
    const every = places.map(({ port, ...rest }) => ({ ...rest, port }))
    const entry = serviceAt(host, every, named).replace(
      'metadata: {',
      place === 'default' ? 'metadata: {' : 'metadata: {namespace: other, ',
    )
    // All ports lead to the same upstream: only the first is named there.
    const complete = entry.replaceAll(
      /"ports":\{"p\d+":(\d+)\}/g,
      (_, port) => `"ports":${JSON.stringify(Object.fromEntries(ports.map((number) => [`p${number}`, Number(port)])))}`,
    )
    return `${complete}  exportTo: ["${place === 'hidden' ? '.' : '*'}"]\n${policyOf(host, policy)}`
  }

  private front(at: number): string {
    const { rule, target, port } = this.fronts[at]!
    if (rule === 'none') return ''
    const to = (service: number, subset?: string) =>
      `{host: svc${service}.test${subset ? `, subset: ${subset}` : ''}${port ? `, port: {number: ${port}}` : ''}}`
    const route = (service: number, subset?: string) => `route: [{destination: ${to(service, subset)}}]`
    const other = after(target)
    const http = {
      plain: `{${route(target)}}`,
      first: `{${route(target, 'v1')}}`,
      second: `{${route(target, 'v2')}}`,
      split: `{route: [{destination: ${to(target)}, weight: 50}, {destination: ${to(other)}, weight: 50}]}`,
      'all to one': `{route: [{destination: ${to(target)}, weight: 0}, {destination: ${to(other)}, weight: 100}]}`,
      mirror: `{${route(target)}, mirrors: [{destination: ${to(other)}, percentage: {value: 100}}]}`,
      path: `{match: [{uri: {prefix: /two}}], ${route(other)}}, {${route(target)}}`,
      header: `{match: [{headers: {x-user: {exact: u1}}}], ${route(other)}}, {${route(target)}}`,
      rewrite: `{rewrite: {uri: /rewritten, authority: else.test}, ${route(target)}}`,
      redirect: '{redirect: {authority: moved.test}}',
      answer: '{directResponse: {status: 418}}',
      fault: `{fault: {abort: {percentage: {value: 100}, httpStatus: 444}}, ${route(target)}}`,
      timeout: `{timeout: 10s, ${route(target)}}`,
      nowhere: '{route: [{destination: {host: nobody-at-all.test}}]}',
      'split of versions': `{route: [{destination: ${to(target, 'v1')}, weight: 50}, {destination: ${to(target, 'v2')}, weight: 50}]}`,
      'mirror to a version': `{${route(target)}, mirrors: [{destination: ${to(other, 'v2')}, percentage: {value: 100}}]}`,
      'no header': `{match: [{withoutHeaders: {x-user: {regex: "u[01]"}}}], ${route(other)}}, {${route(target)}}`,
      'rewrite of a path': `{match: [{uri: {prefix: /two}}], rewrite: {uri: /three}, ${route(other)}}, {${route(target)}}`,
      'redirect of a path': `{match: [{uri: {prefix: /two}}], redirect: {uri: /four, redirectCode: 307}}, {${route(target)}}`,
      'fault for some': `{match: [{headers: {x-user: {prefix: u1}}}], fault: {abort: {percentage: {value: 100}, httpStatus: 444}}, ${route(other)}}, {${route(target)}}`,
      headers: `{headers: {request: {set: {x-said: "yes"}}, response: {add: {x-told: "yes"}}}, ${route(target)}}`,
      retries: `{retries: {attempts: 2, perTryTimeout: 5s, retryOn: 5xx}, timeout: 10s, ${route(target)}}`,
      'in the mesh': `{match: [{gateways: [mesh]}], ${route(other)}}, {${route(target)}}`,
    }[rule]
    return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front${at}}
spec:
  hosts: [front${at}.test]
  gateways: [${['mesh', ...Object.keys(this.gateways)].join(', ')}]
  http: [${http}]
`
  }

  private sidecar(): string {
    const { scope } = this.all
    if (scope === 'everything') return ''
    const hosts =
      scope === 'some' ? ['./front0.test', './front1.test', './svc0.test', '*/svc1.test', './svc2.test'] : ['./*']
    return `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec: {egress: [{hosts: [${hosts.map((host) => `"${host}"`).join(', ')}]}]}
`
  }
}

function after(service: number): number {
  return (service + 1) % SERVICES
}

function policyOf(host: string, policy: Service['policy']): string {
  const hash = 'loadBalancer: {consistentHash: {httpHeaderName: x-user}}'
  const subsets = 'subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]'
  const said = {
    nothing: undefined,
    pool: 'trafficPolicy: {connectionPool: {tcp: {maxConnections: 77}}}',
    hash: `trafficPolicy: {${hash}}`,
    subsets,
    'subsets that hash': `trafficPolicy: {${hash}}, ${subsets}`,
    failover: 'trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1000}}',
    tls: 'trafficPolicy: {tls: {mode: SIMPLE}}',
  }[policy]
  if (said === undefined) return ''
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${host.split('.')[0]}}
spec: {host: ${host}, ${said}}
`
}

function gateway(name: string, port: number, takes: (typeof ALL.gate)[number]): string {
  const hosts = takes === 'all' ? ['"*"'] : ['front0.test', 'front1.test', 'front3.test']
  return `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec:
  selector: {gw: ${name}}
  servers: [{port: {number: ${port}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: [${hosts.join(', ')}]}]
`
}
