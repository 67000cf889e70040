import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useCallback, useRef } from 'react'

export type ViewState = Readonly<Record<string, string>>

/**
 * The state of a view in the address: what differs from `defaults` stands in the search. A change replaces the entry of the history.
 * `set` changes some parts, `choose` one by its name; both stay the same functions.
 */
export function useView<View extends ViewState>(
  defaults: View,
): readonly [view: View, set: (change: Partial<View>) => void, choose: (name: string, value: string) => void] {
  const search = useRouterState({ select: ({ location }) => location.search as Record<string, unknown> })
  const navigate = useNavigate()
  const normal = useRef<ViewState>(defaults)
  normal.current = defaults
  const set = useCallback(
    (part: ViewState | Partial<View>) => {
      const next = (before: Record<string, unknown>) => {
        const after: Record<string, unknown> = { ...before, ...part }
        for (const [name, value] of Object.entries(normal.current)) if (after[name] === value) delete after[name]
        return after
      }
      void navigate({ to: '.', search: next as never, replace: true })
    },
    [navigate],
  )
  const choose = useCallback((name: string, value: string) => set({ [name]: value }), [set])
  const view = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, typeof search[name] === 'string' ? search[name] : value]),
  ) as View
  return [view, set, choose]
}
