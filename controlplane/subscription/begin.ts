import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { ClassLog } from './class-log.ts'
import type { InterestChange } from './interest.ts'
import { isPlaceholder } from './on-demand.ts'
import { USES_OTHERS } from './order.ts'
import type { DiscoveryRequest } from './request.ts'
import { FULL_SET_TYPES } from './response.ts'
import type { TypeLog } from './type-log.ts'
import { owe, type TypeState } from './type-state.ts'

/**
 * The first request of a type on a stream: what is owed to a client that is new, and to one that comes back with what it
 * held.
 * @param orphans resources to send even if the client has them: their parents were sent before this request
 */
export function begin(
  type: ResourceType,
  state: TypeState,
  change: InterestChange,
  request: DiscoveryRequest,
  classLog: ClassLog,
  orphans: ReadonlySet<string> | undefined,
): void {
  const { interest } = change
  const log = classLog.of(type)
  if (type === 'vhds' && request.form === 'delta') owe(state, classLog.onDemand?.virtualHosts?.openings() ?? [])
  const held = request.form === 'delta' ? request.initialVersions : undefined
  state.mustAnswer = interest.wildcard
  state.resumed = held ? held.size > 0 : request.form === 'sotw' && request.version !== ''
  if (request.form === 'sotw' && holdsFullSet(type, state, request.version, log)) {
    state.has = log.all(interest)
    for (const resource of state.has) classLog.verdicts.holds(resource)
    state.mustAnswer = false
    return
  }
  // What a client has goes on working until its replacement comes, so the replacement can come in the usual order.
  const inOrder = state.resumed && (USES_OTHERS.has(type) || (type === 'cds' && classLog.onDemand !== undefined))
  if (!state.resumed || !held) {
    const all = inOrder ? log.all(interest) : []
    if (all.length > 0) {
      state.extra = new Set(all.map((resource) => resource.name))
      state.mustAnswer = false
    } else if (type === 'vhds') owe(state, change.asked)
    else state.owedAll = change.askedAll || change.asked.length > 0
    return
  }
  const owed = new Set<string>()
  const extra = new Set<string>()
  for (const resource of log.all(interest)) {
    const { name, version } = resource
    const has = held.get(name)
    if (resource.pending && has !== undefined && !orphans?.has(name)) {
      // Once it is known it may turn out to be what the client has.
      state.unread ??= new Map()
      state.unread.set(name, has)
    } else if (held.get(name) === version && !orphans?.has(name)) classLog.verdicts.holds(resource)
    else if (inOrder && held.has(name)) extra.add(name)
    else owed.add(name)
  }
  for (const name of change.asked) if (!held.has(name) && !log.visible(name, interest)) owed.add(name)
  owe(state, owed)
  if (extra.size > 0) {
    state.extra = extra
    state.older = extra
    state.mustAnswer = false
  }
  const gone = new Map<string, Resource | undefined>()
  for (const [name, version] of held)
    if (!log.visible(name, interest) && !isPlaceholder(type, name, version, classLog.onDemand))
      gone.set(name, undefined)
  if (gone.size > 0) state.gone = gone
}

/**
 * Whether a state-of-the-world client came back with just what it would be sent. The version of the last set it accepted tells, and only of who
 * wants everything and has never said anything else: its list is empty, as Envoy's is. Whoever names names (gRPC clients do), or says `*`, may
 * have dropped something of that set, asked for it again and lost the stream before it came, and still names the version of before.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-nack-and-resource-type-instance-version
 */
function holdsFullSet(type: ResourceType, { interest }: TypeState, version: string, log: TypeLog): boolean {
  return FULL_SET_TYPES.has(type) && interest.legacy && version !== '' && version === log.fullSetVersion(interest)
}
