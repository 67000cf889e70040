import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import type { Route } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { HTTPFaultSchema } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
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
import { throughClusters } from './clusters.ts'
import { describeFault, describeRoute } from './describe.ts'
import { describeHidden, hiddenUnder } from './hidden.ts'
import type { ExplainRequest } from './listener.ts'
import { type RequestView, routeMatches } from './route-match.ts'
import { answer, type Explanation, end, percent, places, type Step, said, shareOf } from './step.ts'
import { joined, type Wording } from './wording.ts'

/** What is asked for, and where. */
export interface Question {
  readonly view: ClassView
  readonly request: ExplainRequest
  readonly model: Model | undefined
}

/** Through a route table: its virtual host, the routes that take such a request, and on to their clusters; adds to `steps`. */
export function throughRoutes(question: Question, table: string, steps: Step[]): Explanation {
  const { view, request, model } = question
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
  const { taken, rest } = sharesOf(matching, host.routes)
  const ways = taken.map((one) => throughRoute(question, one, steps))
  if (rest > 0)
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

/**
 * Which of the routes that match take a request, and how many of such requests: Envoy draws one number for a request and compares it with the
 * fraction of each route in turn.
 * @returns `rest`: the share that none of them takes
 */
function sharesOf(
  matching: CompiledVirtualHost['routes'],
  all: CompiledVirtualHost['routes'],
): { readonly taken: readonly TakenRoute[]; readonly rest: number } {
  const taken: TakenRoute[] = []
  let before = 0
  for (const { route, origins } of matching) {
    const fraction = shareOf(route.match?.runtimeFraction?.defaultValue)
    if (fraction <= before) continue
    const index = all.findIndex((candidate) => candidate.route === route)
    taken.push({ route, origins, index, share: fraction - before })
    before = fraction
    if (before >= 1) break
  }
  return { taken, rest: 1 - before }
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

/** Hosts that are declared and hidden from the class of the view, each as a step. */
export function hiddenSteps(hidden: readonly HiddenHost[], view: ClassView): readonly Step[] {
  return hidden.map((one) => ({
    step: 'hidden',
    name: one.host,
    ...said(describeHidden(one, view.scope.proxy.namespace)),
    places: places(view.live([one.declared, ...(one.because ? [one.because] : [])])),
  }))
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

function faultOrigins(origins: readonly Origin[]): readonly Origin[] {
  const own = origins.filter(({ path }) => path.includes('fault'))
  return own.length > 0 ? own : origins.slice(0, 1)
}
