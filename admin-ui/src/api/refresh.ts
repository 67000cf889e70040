import type { Query, QueryClient, QueryFilters } from '@tanstack/react-query'

const again = new WeakSet<Query>()

/**
 * Asks anew for what is shown and matches. An answer that is on its way is not given up for this (events may come faster than
 * the answers of a large mesh); it may tell of the time before, so it is asked for once more when it has come.
 */
export function refresh(client: QueryClient, filters: QueryFilters): void {
  const coming = client
    .getQueryCache()
    .findAll({ ...filters, fetchStatus: 'fetching' })
    .filter((query) => !again.has(query))
  void client.invalidateQueries(filters, { cancelRefetch: false })
  for (const query of coming) {
    again.add(query)
    const ask = () => {
      again.delete(query)
      void client.invalidateQueries({ queryKey: query.queryKey, exact: true })
    }
    // A failure is shown by the page; another try is another answer.
    void query.promise?.then(ask, ask)
  }
}
