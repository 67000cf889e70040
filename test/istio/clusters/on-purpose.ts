import type { Asker } from '../question.ts'
import type { Essential } from './essential.ts'

/**
 * Both sides of a cluster without what we do otherwise on purpose (docs/decisions/clusters-as-istio.md, of which meshes are not drawn):
 * - What a caller dials is not known without capture: resolution NONE goes to the authority, the name of a TLS handshake, or what the service says of
 *   itself, at gateways too, where Istio has no endpoint for it (docs/architecture.md).
 * - A hash without an algorithm is Maglev (docs/decisions/maglev-default.md).
 * - A DNS cluster that `distribute` leaves without endpoints is never one for a single name: Envoy refuses that.
 */
export function comparable(
  istio: Essential,
  ours: Essential,
  { type }: Asker,
): readonly [istio: Essential, ours: Essential] {
  const places = ['FORWARD', 'ORIGINAL_DST', 'LOGICAL_DNS', 'STRICT_DNS']
  const forwards = places.includes(String(ours['type']))
  const dialled = istio['type'] === 'ORIGINAL_DST' || (type === 'router' && istio['type'] === 'EDS')
  if (forwards && dialled && istio['type'] !== ours['type'])
    return [
      without(istio, 'type', 'balancer', 'endpoints', 'port'),
      without(ours, 'type', 'balancer', 'endpoints', 'port'),
    ]
  const [theirs, own] = [balancer(istio), balancer(ours)]
  if (theirs?.name === 'ring_hash' && theirs.ring === '1024' && own?.name === 'maglev')
    return [
      { ...istio, balancer: { ...theirs, name: own.name, ring: undefined } },
      { ...ours, balancer: { ...own, table: undefined } },
    ]
  if (istio['type'] === 'LOGICAL_DNS' && isEmpty(istio) && isEmpty(ours))
    return [without(istio, 'type'), without(ours, 'type')]
  return [istio, ours]
}

/** A DNS service that has nobody to ask: Istio has no cluster for it, ours answers 503. */
export function isEmpty({ type, endpoints }: Essential): boolean {
  return String(type).endsWith('_DNS') && (endpoints as readonly unknown[]).length === 0
}

/** A subset of a service that goes to whatever name is asked for: Istio has no such cluster, ours has the policy of the subset. */
export function isSubsetOfNames({ type }: Essential, cluster: string): boolean {
  return type === 'FORWARD' && cluster.split('|')[2] !== ''
}

interface Balancer {
  readonly name: string
  readonly ring?: string
}

function balancer({ balancer }: Essential): Balancer | undefined {
  return balancer as Balancer | undefined
}

function without(essential: Essential, ...names: readonly string[]): Essential {
  return Object.fromEntries(Object.entries(essential).filter(([name]) => !names.includes(name)))
}
