import type { Query, QueryClient, QueryFilters } from '@tanstack/react-query'

const again = new WeakSet<Query>()

/**
 * Asks anew for what is shown and matches. The first answer of a query is not given up for this; it may tell of the time before, so
 * it is asked for once more when it has come (`invalidateQueries` alone leaves such a query with the old answer).
 */
export function refresh(client: QueryClient, filters: QueryFilters): void {
  const first = client
    .getQueryCache()
    .findAll({ ...filters, fetchStatus: 'fetching' })
    .filter((query) => query.state.data === undefined && !again.has(query))
  void client.invalidateQueries(filters)
  for (const query of first) {
    again.add(query)
    const ask = () => {
      again.delete(query)
      void client.invalidateQueries({ queryKey: query.queryKey, exact: true })
    }
    // A failure is shown by the page; another try is another answer.
    void query.promise?.then(ask, ask)
  }
}
