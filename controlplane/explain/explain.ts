import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { Route } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { HTTPFaultSchema } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { FractionalPercent } from '../../proto/gen/envoy/type/v3/percent_pb.ts'
import type { Origin } from '../config/object.ts'
import type { HiddenHost, Model, Scope } from '../model/index.ts'
import type { ClassView } from '../xds/class-view.ts'
import type { Resource } from '../xds/resource.ts'
import {
  type CompiledVirtualHost,
  compileRouteConfiguration,
  isCatchAll,
  virtualHostFor,
  withoutPort,
} from '../xds/routes/index.ts'
import { describeFault, describeRoute, durationText, endpointText } from './describe.ts'
import { describeHidden, hiddenUnder } from './hidden.ts'
import { type ExplainRequest, findListener, lastFilter, listening } from './listener.ts'
import { type RequestView, routeMatches } from './route-match.ts'
import { joined, same, type Wording } from './wording.ts'

/** A place in a document that decided a step. */
export interface Place {
  readonly document: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * One step of a request's way: `listener`, `virtual-host`, `route`, `fault`, `mirror`, `cluster`, `endpoints`, or why it ends; `hidden` is
 * what it does not take, because the proxy does not see it.
 */
export interface Step {
  readonly step: 'listener' | 'virtual-host' | 'hidden' | 'route' | 'fault' | 'mirror' | 'cluster' | 'endpoints' | 'end'
  readonly name: string
  /** What happens here, in words; `detail` is the English of `text`. */
  readonly detail: string
  readonly text: Wording
  /** Share of requests that take this way, 0 to 1. */
  readonly share?: number
  readonly places: readonly Place[]
}

export interface Explanation {
  readonly steps: readonly Step[]
  /** Whether the way ends at endpoints, an answer the proxy gives itself, or nowhere. */
  readonly outcome: 'endpoints' | 'answer' | 'none'
  /**
   * Whether a part of the requests at least comes to endpoints, or to an answer that a document gives. Not so where the proxy refuses a host
   * or a destination because nobody declares it, or because it does not see it.
   */
  readonly found: boolean
}

/**
 * The way of a request through a proxy of this class: what Envoy will do with the resources it is sent, step by step, with the
 * documents that decided each. Pure: nothing is sent anywhere.
 * @param model the mesh of the view: tells what is declared, but hidden from this class
 */
export function explain(view: ClassView, request: ExplainRequest, model?: Model): Explanation {
  const { type } = view.scope.proxy
  if (type === 'message')
    return end([], {
      en: "this is a message proxy: what a message says decides its way, and its proxy's /config_dump has the routes in their order",
      zh: '这是消息代理：由消息内容决定去向，路由顺序见该代理的 /config_dump',
    })
  const listener = findListener(view, request)
  const unseen = listener ? [] : hiddenSteps(hiddenUnder(model, view.scope, request.url.host), view)
  if (!listener && type === 'grpc')
    return end([...unseen], {
      en: `a gRPC library that dials xds:///${request.url.host} is told that it does not exist: no service has that name and an HTTP or gRPC port of that number`,
      zh: `拨号 xds:///${request.url.host} 的 gRPC 库会得知它不存在：没有服务有此名称以及该 HTTP 或 gRPC 端口`,
    })
  if (!listener)
    return end([...unseen], {
      en: `no listener takes ${request.url.protocol}//${request.url.host}: no open port has that number`,
      zh: `没有监听器接收 ${request.url.protocol}//${request.url.host}：没有打开该端口`,
    })
  const steps: Step[] = [
    {
      step: 'listener',
      name: listener.message.name,
      ...said(listening(listener.message)),
      places: places(listener.origins.slice(0, 1)),
    },
  ]
  const filter = lastFilter(listener.message, request)
  if (!filter)
    return end(steps, {
      en: 'no filter chain of the listener takes this connection (SNI does not fit)',
      zh: '监听器没有匹配此连接的过滤器链（SNI 不符）',
    })
  const manager = anyUnpack(filter, HttpConnectionManagerSchema)
  if (manager?.routeSpecifier.case === 'rds')
    return throughRoutes({ view, request, model }, manager.routeSpecifier.value.routeConfigName, steps)
  const tcp = anyUnpack(filter, TcpProxySchema)
  if (tcp?.clusterSpecifier.case === 'cluster')
    return throughClusters(view, steps, [{ cluster: tcp.clusterSpecifier.value, weight: 1 }])
  if (tcp?.clusterSpecifier.case === 'weightedClusters') {
    const { clusters } = tcp.clusterSpecifier.value
    return throughClusters(
      view,
      steps,
      clusters.map(({ name, weight }) => ({ cluster: name, weight })),
    )
  }
  return end(steps, {
    en: 'the listener passes the connection to a filter that this command cannot follow',
    zh: '监听器把连接交给无法继续追踪的过滤器',
  })
}

/** Why an authority got to where hosts go that nobody declared: most often the port is another. */
function undeclared(scope: Scope, authority: string, hidden: readonly HiddenHost[]): Wording {
  const service = scope.resolve(withoutPort(authority), scope.proxy.namespace)
  const ports = service?.ports.map(({ number }) => number).join(', ')
  return joined(
    [
      hidden.length > 0
        ? { en: 'which no service or rule has that this proxy sees', zh: '此代理可见的服务或规则中没有声明它' }
        : { en: 'which no service or rule has', zh: '没有服务或规则声明它' },
      service && {
        en: `${service.hostname} is known on port ${ports}`,
        zh: `${service.hostname} 的端口是 ${ports}`,
      },
    ],
    '; ',
    '；',
  )
}

/** The virtual host of a table that people wrote. */
function rawHost(table: Resource | undefined, authority: string): CompiledVirtualHost | undefined {
  if (!table) return undefined
  const { origins } = table
  const { virtualHosts, ignorePortInHostMatching } = fromBinary(RouteConfigurationSchema, table.bytes)
  const message = virtualHostFor(virtualHosts, ignorePortInHostMatching ? withoutPort(authority) : authority)
  return message && { message, routes: message.routes.map((route) => ({ route, origins })), origins }
}

/** What is asked for, and where. */
interface Question {
  readonly view: ClassView
  readonly request: ExplainRequest
  readonly model: Model | undefined
}

function hiddenSteps(hidden: readonly HiddenHost[], view: ClassView): readonly Step[] {
  return hidden.map((one) => ({
    step: 'hidden',
    name: one.host,
    ...said(describeHidden(one, view.scope.proxy.namespace)),
    places: places(view.live([one.declared, ...(one.because ? [one.because] : [])])),
  }))
}

function throughRoutes({ view, request, model }: Question, table: string, steps: Step[]): Explanation {
  const authority = request.headers['host'] ?? request.url.host
  const compiled = compileRouteConfiguration(view.scope, table)
  const host = compiled ? compiled.hostFor(authority) : rawHost(view.get('rds', table), authority)
  const nobodys = !host || (compiled && isCatchAll(host.message.name))
  const hidden = nobodys ? hiddenUnder(model, view.scope, authority) : []
  if (!host)
    return end([...steps, ...hiddenSteps(hidden, view)], {
      en: `404: no virtual host of ${table} takes the authority ${authority}`,
      zh: `404：${table} 中没有虚拟主机接受 ${authority}`,
    })
  steps.push({
    step: 'virtual-host',
    name: host.message.name,
    ...said(
      joined([
        { en: `route table ${table}, authority ${authority}`, zh: `路由表 ${table}，请求主机 ${authority}` },
        nobodys ? undeclared(view.scope, authority, hidden) : undefined,
      ]),
    ),
    places: places(view.live(host.origins.slice(0, 1))),
  })
  steps.push(...hiddenSteps(hidden, view))
  if (host.message.requireTls !== 0 && request.url.protocol === 'http:')
    return answer(steps, {
      en: '301 to https: the gateway redirects plain HTTP',
      zh: '301 跳转到 https：网关重定向明文 HTTP',
    })
  const asked: RequestView = {
    method: request.method,
    scheme: request.url.protocol.slice(0, -1),
    authority,
    path: request.url.pathname + request.url.search,
    headers: request.headers,
  }
  const matching = host.routes.filter(({ route }) => route.match && routeMatches(route.match, asked))
  if (matching.length === 0)
    return end(steps, {
      en: `404: no route of ${host.message.name} takes ${asked.method} ${asked.path}`,
      zh: `404：${host.message.name} 中没有路由匹配 ${asked.method} ${asked.path}`,
    })
  const ways: Explanation[] = []
  // Envoy draws one number for a request and compares it with the fraction of each route in turn.
  let before = 0
  for (const { route, origins } of matching) {
    const fraction = shareOf(route.match?.runtimeFraction?.defaultValue)
    if (fraction <= before) continue
    const index = host.routes.findIndex((candidate) => candidate.route === route)
    ways.push(throughRoute({ view, request, model }, { route, origins, index, share: fraction - before }, steps))
    before = fraction
    if (before >= 1) break
  }
  if (before < 1)
    end(steps, {
      en: `404: no other route of ${host.message.name} takes the rest`,
      zh: `404：${host.message.name} 中没有其他路由接收其余请求`,
    })
  const { outcome } = ways.find((way) => way.outcome === 'endpoints') ?? ways[0] ?? { outcome: 'none' }
  // For a host that nobody has the proxy answers by itself; or it passes it on, where all are allowed.
  const found = ways.some((way) => way.found && !(nobodys && way.outcome === 'answer'))
  return { steps, outcome, found }
}

/** A route that takes a share of the requests. */
interface TakenRoute {
  readonly route: Route
  readonly origins: readonly Origin[]
  readonly index: number
  readonly share: number
}

function throughRoute({ view, model }: Question, taken: TakenRoute, steps: Step[]): Explanation {
  const { route, origins, index, share } = taken
  const name = route.name || `#${index + 1}`
  const part = share < 1 ? { share } : {}
  steps.push({ step: 'route', name, ...said(describeRoute(route)), ...part, places: places(view.live(origins)) })
  for (const config of Object.values(route.typedPerFilterConfig)) {
    const fault = anyUnpack(config, HTTPFaultSchema)
    if (fault)
      steps.push({
        step: 'fault',
        name,
        ...said(describeFault(fault)),
        places: places(view.live(faultOrigins(origins))),
      })
  }
  const { action } = route
  if (action.case === 'directResponse') {
    const { status, body } = action.value
    const text = body?.specifier.case === 'inlineString' ? body.specifier.value : ''
    // Why a destination is missing says the answer: xds/routes/missing.ts.
    const [, missing] = (status === 503 && /^meshgate: (.*)/.exec(text)) || []
    const [, unseen] = /^no service (\S+) is visible here/.exec(missing ?? '') ?? []
    if (unseen) steps.push(...hiddenSteps(hiddenUnder(model, view.scope, unseen), view))
    const why = missing ? `: ${missing}` : ''
    const said = { en: `the proxy answers ${status} itself${why}`, zh: `代理直接应答 ${status}${why}` }
    return answer(steps, said, missing === undefined)
  }
  if (action.case === 'redirect')
    return answer(steps, { en: 'the proxy answers with a redirect', zh: '代理以重定向应答' })
  if (action.case !== 'route') return end(steps, { en: 'the route does not forward', zh: '该路由不转发' })
  const { clusterSpecifier, requestMirrorPolicies } = action.value
  for (const mirror of requestMirrorPolicies) {
    const share = shareOf(mirror.runtimeFraction?.defaultValue)
    steps.push({
      step: 'mirror',
      name: mirror.cluster,
      ...said({
        en: `a copy of ${percent(share)} of requests; the answer is thrown away`,
        zh: `复制 ${percent(share)} 的请求；其应答被丢弃`,
      }),
      share,
      places: [],
    })
  }
  switch (clusterSpecifier.case) {
    case 'cluster':
      return throughClusters(view, steps, [{ cluster: clusterSpecifier.value, weight: 1 }])
    case 'weightedClusters':
      return throughClusters(
        view,
        steps,
        clusterSpecifier.value.clusters.map(({ name: cluster, weight }) => ({ cluster, weight: weight ?? 0 })),
      )
    default:
      return end(steps, {
        en: 'the route chooses its cluster in a way that this command cannot follow',
        zh: '该路由以无法追踪的方式选择集群',
      })
  }
}

function throughClusters(
  view: ClassView,
  steps: Step[],
  targets: readonly { readonly cluster: string; readonly weight: number }[],
): Explanation {
  const sum = targets.reduce((total, { weight }) => total + weight, 0)
  let reached = false
  for (const { cluster: name, weight } of targets) {
    const share = sum > 0 ? weight / sum : 0
    const resource = view.get('cds', name)
    if (!resource) {
      const missing = { en: 'does not exist: 503 NC', zh: '不存在：503 NC' }
      steps.push({ step: 'cluster', name, share, ...said(missing), places: [] })
      continue
    }
    const cluster = fromBinary(ClusterSchema, resource.bytes)
    const timeout = cluster.connectTimeout && durationText(cluster.connectTimeout)
    const policy = cluster.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.name.split('.').at(-1)
    steps.push({
      step: 'cluster',
      name,
      share,
      ...said({
        en: `${percent(share)} of requests, ${policy ?? 'default'} load balancing${timeout ? `, connect timeout ${timeout}` : ''}`,
        zh: `${percent(share)} 的请求，${policy ?? '默认'} 负载均衡${timeout ? `，连接超时 ${timeout}` : ''}`,
      }),
      places: places(resource.origins),
    })
    const assignment = resource.children.flatMap((child) => view.get(child.type, child.name) ?? [])[0]
    const localities = assignment
      ? fromBinary(ClusterLoadAssignmentSchema, assignment.bytes).endpoints
      : (cluster.loadAssignment?.endpoints ?? [])
    const endpoints = localities.flatMap((locality) => locality.lbEndpoints).map((one) => same(endpointText(one)))
    if (goesWhereAsked(cluster))
      endpoints.push({ en: 'the host and port that the request names', zh: '请求中写明的主机和端口' })
    reached ||= endpoints.length > 0
    steps.push({
      step: 'endpoints',
      name,
      ...said(
        endpoints.length > 0
          ? joined(endpoints)
          : { en: 'none: 503 UH (no healthy upstream)', zh: '没有端点：503 UH（没有健康的上游）' },
      ),
      places: places((assignment ?? resource).origins),
    })
  }
  return { steps, outcome: reached ? 'endpoints' : 'none', found: reached }
}

/** Clusters without endpoints of their own: the caller tells where a request goes. */
function goesWhereAsked({ clusterDiscoveryType: discovery }: Cluster): boolean {
  if (discovery.case === 'type') return discovery.value === Cluster_DiscoveryType.ORIGINAL_DST
  return discovery.case === 'clusterType' && discovery.value.name === 'envoy.clusters.dynamic_forward_proxy'
}

function faultOrigins(origins: readonly Origin[]): readonly Origin[] {
  const own = origins.filter(({ path }) => path.includes('fault'))
  return own.length > 0 ? own : origins.slice(0, 1)
}

/** Where origins stand now, each place once. */
export function places(origins: readonly Origin[]): readonly Place[] {
  const found = new Map<string, Place>()
  for (const { object, path } of origins) {
    const { file, line, column } = object.source.locate(path)
    found.set(`${file}:${line}:${column}`, { document: object.key, file, line, column })
  }
  return [...found.values()]
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`
}

/** `FractionalPercent` as a share of 1; all when nothing is said. */
function shareOf(fraction: FractionalPercent | undefined): number {
  return fraction ? fraction.numerator / [100, 10_000, 1_000_000][fraction.denominator]! : 1
}

function said(text: Wording): Pick<Step, 'detail' | 'text'> {
  return { detail: text.en, text }
}

function answer(steps: Step[], text: Wording, found = true): Explanation {
  steps.push({ step: 'end', name: 'answer', ...said(text), places: [] })
  return { steps, outcome: 'answer', found }
}

function end(steps: Step[], text: Wording): Explanation {
  steps.push({ step: 'end', name: 'nowhere', ...said(text), places: [] })
  return { steps, outcome: 'none', found: false }
}
