import { useSyncExternalStore } from 'react'
import { type LiveEvent, type LiveState, openEvents } from './events.ts'
import { queryClient } from './queries.ts'
import { refresh } from './refresh.ts'

/** Which queries an event makes stale. */
const STALE: Readonly<Record<LiveEvent['type'], readonly string[]>> = {
  revision: ['revisions', 'documents'],
  config: ['services', 'diagnostics', 'documents', 'rules', 'policies', 'topology', 'explain', 'proxies', 'expiring'],
  proxies: ['proxies', 'diagnostics'],
  convergence: ['convergence', 'proxies'],
  resync: [],
}

let state: LiveState = 'connecting'
let everLive = false
let stop: (() => void) | undefined
const listeners = new Set<() => void>()

/** Follows the events of the mesh: what they concern is asked for anew. Returns the way to stop. */
export function startLive(): () => void {
  stop ??= openEvents({
    onState: (next) => {
      state = next
      everLive ||= next === 'live'
      for (const listener of listeners) listener()
    },
    onEvent: ({ type }) => {
      if (type === 'resync') refresh(queryClient, { predicate: ({ queryKey }) => queryKey[0] !== 'session' })
      else for (const name of STALE[type]) refresh(queryClient, { queryKey: [name] })
    },
  })
  return () => {
    stop?.()
    stop = undefined
  }
}

/** Whether the control plane has been there since the page was loaded. */
export function hasBeenLive(): boolean {
  return everLive
}

/** Whether what is shown follows the mesh. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
}
