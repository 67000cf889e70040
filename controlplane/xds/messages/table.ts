import type { MessageInitShape } from '@bufbuild/protobuf'
import { type MessageRouteTable, MessageRouteTableSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import { hostWithin } from '../../model/hosts.ts'
import { MESH_GATEWAY, type World } from '../../model/index.ts'
import type { Scope } from '../../model/scope.ts'
import { outboundClusterName } from '../../model/service.ts'
import { ruleHashKeys, type TableContext } from './destination.ts'
import { attributeField } from './fields.ts'
import { withDocumentLimits } from './global-limit.ts'
import type { FieldMatch } from './match.ts'
import { metaRouterGlobalLimits, metaRouterLimits, metaRouterRoutes, metaRoutersAt, withLimits } from './meta-router.ts'
import { type CompiledRoute, type MsgRouter, msgRouterRoutes } from './msg-router.ts'
import type { MessagePlan, Place, ServedService } from './plans.ts'
import type { RateLimit } from './rate-limit.ts'
import { virtualServiceRoutes } from './virtual-service.ts'

export interface CompiledTable {
  readonly message: MessageRouteTable
  readonly origins: readonly Origin[]
  /** Every cluster the table names, and whether a route chooses its endpoints by a key. */
  readonly clusters: ReadonlyMap<string, { readonly hashed: boolean }>
}

interface Parts {
  readonly routes: readonly CompiledRoute[]
  readonly limits: readonly RateLimit[]
}

/**
 * The route table of a listener. MsgRouters come first: they are for every listener. Then, for each service behind the port, its
 * MetaRouters, else the rules of its VirtualServices, else the service itself. MsgRouters that make pieces of their own (`pieces`, their
 * names) are not repeated in the table.
 */
export function compileMessageTable(
  world: World,
  scope: Scope,
  plan: MessagePlan,
  routers: readonly MsgRouter[],
  pieces: readonly string[],
): CompiledTable {
  const context = contextOf(world, scope, plan)
  const { routes, limits } = partsOf(context, plan.place)
  const own = msgRouterRoutes(context, routers)
  // What comes in from other proxies was counted there.
  const all = plan.place.kind === 'inbound' ? routes : withDocumentLimits(scope, [...own, ...routes])
  return tableOf(plan.table, plan.origins, all, limits, pieces)
}

/** One piece of a long table: the routes of some MsgRouters. */
export function compilePiece(
  world: World,
  scope: Scope,
  plan: MessagePlan,
  name: string,
  routers: readonly MsgRouter[],
): CompiledTable {
  const routes = withDocumentLimits(scope, msgRouterRoutes(contextOf(world, scope, plan), routers))
  return tableOf(name, [], routes, [], [])
}

function contextOf(world: World, scope: Scope, { protocol, port }: MessagePlan): TableContext {
  return { world, scope, protocol, port, targets: new Map(), hashes: new Map() }
}

function tableOf(
  name: string,
  origins: readonly Origin[],
  routes: readonly CompiledRoute[],
  limits: readonly RateLimit[],
  pieces: readonly string[],
): CompiledTable {
  const clusters = new Map<string, { hashed: boolean }>()
  const use = (name: string, hashed: boolean) => {
    const known = clusters.get(name)
    if (known) known.hashed ||= hashed
    else clusters.set(name, { hashed })
  }
  for (const { route } of routes) {
    for (const { name } of route.clusters ?? []) if (name) use(name, (route.hashKeys ?? []).length > 0)
    for (const { cluster } of route.globalRateLimits ?? []) if (cluster) use(cluster, false)
    for (const { cluster } of route.mirrors ?? []) if (cluster) use(cluster, (route.hashKeys ?? []).length > 0)
  }
  const message = make(MessageRouteTableSchema, {
    name,
    routes: routes.map(({ route }) => route),
    rateLimits: [...limits],
    parts: [...pieces],
  } satisfies MessageInitShape<typeof MessageRouteTableSchema>)
  return { message, origins: [...origins, ...routes.flatMap(({ origins }) => origins)], clusters }
}

function partsOf(context: TableContext, place: Place): Parts {
  switch (place.kind) {
    case 'inbound':
      return {
        routes: [{ route: { name: 'inbound', clusters: [{ name: place.cluster, weight: 1 }] }, origins: [] }],
        limits: [],
      }
    case 'gateway': {
      const routers = metaRoutersAt(context, place.gateway, place.takesHost)
      return {
        routes: withLimits(
          [
            ...routers.flatMap((router) => metaRouterRoutes(context, router, [])),
            ...virtualServiceRoutes(context, { ...place, port: context.port }, []),
          ],
          routers,
          routers.flatMap((router) => metaRouterGlobalLimits(context, router, [])),
        ),
        limits: routers.flatMap((router) => metaRouterLimits(context, router, [])),
      }
    }
    case 'outbound': {
      const parts = place.services.map((served) =>
        serviceParts(context, served, place.services.length > 1 ? interfaceOf(context, served) : []),
      )
      return { routes: parts.flatMap(({ routes }) => routes), limits: parts.flatMap(({ limits }) => limits) }
    }
  }
}

function serviceParts(context: TableContext, served: ServedService, host: readonly FieldMatch[]): Parts {
  const { service, port } = served
  const takesHost = (name: string) => hostWithin(service.hostname, name)
  const routers = metaRoutersAt(context, MESH_GATEWAY, takesHost)
  const limits = routers.flatMap((router) => metaRouterLimits(context, router, host))
  const routes = routers.flatMap((router) => metaRouterRoutes(context, router, host))
  const asked = routers.flatMap((router) => metaRouterGlobalLimits(context, router, host))
  if (routes.length > 0) return { routes: withLimits(routes, routers, asked), limits }
  const place = { gateway: MESH_GATEWAY, port: port.number, takesHost }
  const rules = virtualServiceRoutes(context, place, host)
  return { routes: withLimits(rules.length > 0 ? rules : [ownRoute(context, served, host)], routers, asked), limits }
}

/** Without rules messages go to the service whose port it is. */
function ownRoute(context: TableContext, { service, port }: ServedService, host: readonly FieldMatch[]): CompiledRoute {
  const cluster = outboundClusterName(port.number, '', service.hostname)
  return {
    route: {
      name: 'default',
      ...(host.length > 0 && { match: { fields: [...host] } }),
      clusters: [{ name: cluster, weight: 1 }],
      hashKeys: [...ruleHashKeys(context, { cluster, service, port, subset: '' })],
    },
    origins: [service.origin],
  }
}

/**
 * What tells services on one port apart. A port with one
 * service takes everything, so that a service need not be annotated to be reached.
 */
function interfaceOf({ protocol }: TableContext, { service }: ServedService): readonly FieldMatch[] {
  const { interfaceName: value } = service
  if (value === undefined) return []
  return [{ field: attributeField(protocol.info, 'interface'), condition: { case: 'exact', value } }]
}
