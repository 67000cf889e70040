import { useSyncExternalStore } from 'react'

let title = ''
const listeners = new Set<() => void>()

/** The title of the page that is shown, for what stands around pages. */
export const pageTitle = {
  set(next: string): void {
    title = next
    for (const listener of listeners) listener()
  },
}

/** The title of the page that is shown; empty before the first one. */
export function usePageTitle(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => title,
  )
}
