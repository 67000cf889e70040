import type { Asker } from '../question.ts'
import type { Outcome } from './bed.ts'
import type { Request } from './requests.ts'

/**
 * What we do otherwise on purpose, so that it is no difference:
 * - A workload's requests to a port that no service has: in Istio nobody listens there; ours have one port for all (docs/architecture.md).
 * - A name without a port means a service's first port where it has no port 80: in Istio nobody can ask so.
 * - The dot at the end of a host is dropped; Istio's gateways do not know such hosts.
 */
export function isOnPurpose(theirs: Outcome | undefined, { type }: Asker, { authority, port }: Request): boolean {
  if (theirs === undefined) return true
  if (type === 'sidecar') return port === 80 && !authority.endsWith(':80')
  return /\.(:\d+)?$/.test(authority)
}

/** An outcome without what is otherwise on purpose: who names a destination that does not exist is told so in the body
 * (docs/decisions/missing-destinations.md), and the upstream sees no dot at the end of a host. */
export function essential(outcome: Outcome | undefined): Partial<Outcome> {
  if (outcome?.cluster === undefined && outcome?.status === 503) return { status: 503 }
  const { seen, ...rest } = outcome ?? {}
  if (!seen) return rest
  const { host = '' } = seen
  return { ...rest, seen: { ...seen, host: host.replace(/\.(?=$|:)/, '') } }
}
