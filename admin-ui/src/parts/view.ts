import { useNavigate, useRouterState } from '@tanstack/react-router'

/** The state of a view in the address: what differs from `defaults` stands in the search. A change replaces the entry of the history. */
export function useView<View extends Readonly<Record<string, string>>>(
  defaults: View,
): readonly [View, (change: Partial<View>) => void] {
  const search = useRouterState({ select: ({ location }) => location.search as Record<string, unknown> })
  const navigate = useNavigate()
  const view = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, typeof search[name] === 'string' ? search[name] : value]),
  ) as View
  const change = (part: Partial<View>) => {
    const next = (before: Record<string, unknown>) => {
      const after: Record<string, unknown> = { ...before, ...part }
      for (const [name, value] of Object.entries(defaults)) if (after[name] === value) delete after[name]
      return after
    }
    void navigate({ to: '.', search: next as never, replace: true })
  }
  return [view, change]
}
