import {
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost,
  VirtualHostSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import type { CompiledRoute } from './http-route.ts'

/** A virtual host with its routes and the places in documents that made it. */
export interface CompiledVirtualHost {
  readonly message: VirtualHost
  readonly routes: readonly CompiledRoute[]
  readonly origins: readonly Origin[]
}

/** Joins routes under domains. The attempt count goes to the upstream (`x-envoy-attempt-count`), as in Istio. */
export function virtualHost(
  name: string,
  domains: readonly string[],
  routes: readonly CompiledRoute[],
  more: { readonly requireTls?: boolean; readonly origins?: readonly Origin[] } = {},
): CompiledVirtualHost {
  const message = make(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes: routes.map((compiled) => compiled.route),
    includeRequestAttemptCount: true,
    requireTls: more.requireTls ? TlsRequirement.ALL : TlsRequirement.NONE,
  })
  return { message, routes, origins: [...(more.origins ?? []), ...routes.flatMap((compiled) => compiled.origins)] }
}
