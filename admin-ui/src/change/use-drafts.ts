import { useSyncExternalStore } from 'react'
import { type Draft, type DraftStorage, Drafts, isDraftKey } from './drafts.ts'

/** For browsers that refuse to store anything. */
function memory(): DraftStorage {
  const held = new Map<string, string>()
  return {
    get length() {
      return held.size
    },
    key: (index) => [...held.keys()][index] ?? null,
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => held.set(key, value),
    removeItem: (key) => held.delete(key),
  }
}

function browserStorage(): DraftStorage {
  try {
    localStorage.getItem('meshgate.draft')
    return localStorage
  } catch {
    return memory()
  }
}

/** The drafts of this browser, the same for all pages. */
export const drafts = new Drafts(browserStorage())

globalThis.addEventListener?.('storage', ({ key }) => {
  if (isDraftKey(key)) drafts.changed()
})

/** Every draft of this browser. */
export function useDrafts(): readonly Draft[] {
  return useSyncExternalStore(
    (listener) => drafts.subscribe(listener),
    () => drafts.all(),
  )
}
