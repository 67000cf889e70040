import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { Model } from '../model/index.ts'
import type { ClassView } from '../xds/class-view.ts'
import { throughClusters } from './clusters.ts'
import { hiddenUnder } from './hidden.ts'
import { type ExplainRequest, findListener, lastFilter, listening } from './listener.ts'
import { hiddenSteps, throughRoutes } from './routes.ts'
import { type Explanation, end, places, type Step, said } from './step.ts'

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
