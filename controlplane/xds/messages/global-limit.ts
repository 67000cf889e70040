import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  MessageDescriptorEntrySchema,
  MessageGlobalRateLimitSchema,
} from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { duration } from '../../../proto/make.ts'
import type { RateLimitSpec } from '../../config/kinds/rate-limit.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import { RATE_LIMIT_DOMAIN, RULE_KEY, rateLimitRuleId } from '../../config/rate-limit-ids.ts'
import { hostWithin } from '../../model/hosts.ts'
import type { Scope } from '../../model/scope.ts'
import { parseOutboundClusterName } from '../../model/service.ts'
import { rateLimitCluster } from '../names.ts'
import { fieldMatches } from './match.ts'
import type { CompiledRoute } from './msg-router.ts'

export type GlobalLimit = Extract<MessageInitShape<typeof MessageGlobalRateLimitSchema>, { $typeName?: never }>
type DescriptorSet = NonNullable<GlobalLimit['sets']>[number]
type Entry = Extract<MessageInitShape<typeof MessageDescriptorEntrySchema>, { $typeName?: never }>

interface HostLimits {
  readonly sets: readonly DescriptorSet[]
  readonly origins: readonly Origin[]
}

/**
 * Routes with what the service is asked about their messages: the limits of RateLimit documents for the hosts a route leads to. A rule
 * that divides messages between several hosts counts for each of them.
 */
export function withDocumentLimits(scope: Scope, routes: readonly CompiledRoute[]): readonly CompiledRoute[] {
  if (scope.rateLimits().length === 0) return routes
  const known = new Map<string, HostLimits>()
  const limitsOf = (hostname: string) => {
    let limits = known.get(hostname)
    if (!limits) {
      limits = hostLimits(scope, hostname)
      known.set(hostname, limits)
    }
    return limits
  }
  return routes.map((compiled) => {
    const hosts = new Set(
      (compiled.route.clusters ?? []).flatMap(({ name }) => parseOutboundClusterName(name ?? '')?.hostname ?? []),
    )
    const limits = [...hosts].map(limitsOf)
    const sets = limits.flatMap((one) => one.sets)
    if (sets.length === 0) return compiled
    const settings = scope.settings()
    const own: GlobalLimit = {
      ...{ domain: RATE_LIMIT_DOMAIN, cluster: rateLimitCluster(settings), sets },
      timeout: duration(settings.rateLimitTimeoutMs),
    }
    return {
      route: { ...compiled.route, globalRateLimits: [...(compiled.route.globalRateLimits ?? []), own] },
      origins: [...compiled.origins, ...limits.flatMap(({ origins }) => origins)],
    }
  })
}

function hostLimits(scope: Scope, hostname: string): HostLimits {
  const documents = scope.rateLimits().filter((object) => {
    const { hosts } = object.spec
    if (!scope.enforces(object) && scope.service(hostname)?.namespace !== object.namespace) return false
    return !hosts || hosts.some((host) => hostWithin(hostname, scope.hostname(host, object.namespace)))
  })
  return {
    sets: documents.map(descriptorSet),
    origins: documents.flatMap((object) =>
      object.spec.limits.map((_, index) => ({ object, path: ['spec', 'limits', index] })),
    ),
  }
}

/** Of the limits of a document the first that matches counts, alone. The same entries as Envoys send, so that both count together. */
function descriptorSet(object: ConfigObject<RateLimitSpec>): DescriptorSet {
  return {
    descriptors: object.spec.limits.map(({ match, per = [], onFailure }, index) => {
      const fields = fieldMatches(match ?? {})
      const rule: Entry = { key: RULE_KEY, source: { case: 'value', value: rateLimitRuleId(object, index) } }
      return {
        ...(fields.length > 0 && { match: { fields: [...fields] } }),
        entries: [rule, ...per.map(perEntry)],
        denyOnFailure: onFailure === 'deny',
      }
    }),
  }
}

/** A field that is absent is left out of the key: such messages have a counter of their own. */
function perEntry(field: string): Entry {
  if (field === 'sourceIp')
    return { key: 'remote_address', source: { case: 'sourceIp', value: true }, skipIfAbsent: true }
  return { key: field.toLowerCase(), source: { case: 'field', value: field }, skipIfAbsent: true }
}
