import type { ServiceFigures } from '../api/schema.ts'

/** Orders of the list of services besides that of their names. */
export const ORDERS = ['failed', 'rate', 'p99'] as const
export type Order = (typeof ORDERS)[number]

const MEASURE: Readonly<Record<Order, (one: ServiceFigures) => number>> = {
  failed: ({ failed, requests }) => (requests === 0 ? 0 : failed / requests),
  rate: ({ requests }) => requests,
  p99: ({ p99Ms }) => p99Ms ?? 0,
}

/** Services by the names that stand in their rows, as people order words. */
export function byName<S extends { readonly hostname: string }>(services: readonly S[]): readonly S[] {
  const { compare } = new Intl.Collator('en', { numeric: true })
  return [...services].sort((a, b) => compare(a.hostname, b.hostname))
}

/** Services with the most of it first; those nobody has figures of come last, and equal ones stay as they were. An order that is not known changes nothing. */
export function inOrder<S extends { readonly hostname: string }>(
  services: readonly S[],
  order: string,
  figures: ReadonlyMap<string, ServiceFigures>,
): readonly S[] {
  if (!isOrder(order)) return services
  const of = ({ hostname }: S) => {
    const one = figures.get(hostname)
    return one ? MEASURE[order](one) : -1
  }
  return [...services].sort((a, b) => of(b) - of(a))
}

function isOrder(text: string): text is Order {
  return (ORDERS as readonly string[]).includes(text)
}
