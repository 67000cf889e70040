import type { ServiceFigures } from '../api/schema.ts'

/** Orders of the list of services besides that of their names. */
export const ORDERS = ['failed', 'rate', 'p99'] as const
export type Order = (typeof ORDERS)[number]

const MEASURE: Readonly<Record<Order, (one: ServiceFigures) => number>> = {
  failed: ({ failed, requests }) => (requests === 0 ? 0 : failed / requests),
  rate: ({ requests }) => requests,
  p99: ({ p99Ms }) => p99Ms ?? 0,
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
