import type { Asker } from '../question.ts'
import type { Essential } from './essential.ts'

/**
 * Both sides of a cluster without what we do otherwise on purpose (docs/decisions/clusters-as-istio.md, of which meshes are not drawn):
 * - What a caller dials is not known without capture: HTTP to resolution NONE goes to the authority, at gateways too, where Istio has no endpoint
 *   for it (docs/architecture.md).
 * - A hash without an algorithm is Maglev (docs/decisions/maglev-default.md).
 * - A DNS cluster that `distribute` leaves without endpoints is never one for a single name: Envoy refuses that.
 */
export function comparable(
  istio: Essential,
  ours: Essential,
  { type }: Asker,
): readonly [istio: Essential, ours: Essential] {
  const forwards = ours['type'] === 'FORWARD' || ours['type'] === 'ORIGINAL_DST'
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
