/** Something that can be gone to by its name. */
export interface Goal {
  readonly id: string
  readonly label: string
  readonly description?: string
}

/**
 * Goals that have every word of the query in their name or description, the likeliest first: whose name begins with the query,
 * whose name has it, the others; each in the order they came in.
 */
export function goalsFor<G extends Goal>(goals: readonly G[], query: string, most: number): readonly G[] {
  const whole = query.trim().toLowerCase()
  const words = whole.split(/\s+/).filter(Boolean)
  const ranks: [G[], G[], G[]] = [[], [], []]
  for (const goal of goals) {
    const label = goal.label.toLowerCase()
    const all = goal.description === undefined ? label : `${label} ${goal.description.toLowerCase()}`
    if (!words.every((word) => all.includes(word))) continue
    ranks[label.startsWith(whole) ? 0 : label.includes(whole) ? 1 : 2].push(goal)
    // Nothing better can come.
    if (ranks[0].length === most) break
  }
  return ranks.flat().slice(0, most)
}

/** A key as the browser tells it. */
export interface Key {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly isComposing: boolean
}

/**
 * What a key does to a query whose field has not got the focus yet: makes it another one, goes to what is found, or closes it. Undefined for
 * keys that are none of its: those of shortcuts, of an input method, Tab.
 */
export function typedAhead(query: string, key: Key): { readonly query: string } | 'go' | 'close' | undefined {
  if (key.ctrlKey || key.metaKey || key.altKey || key.isComposing) return undefined
  if (key.key === 'Enter') return 'go'
  if (key.key === 'Escape') return 'close'
  if (key.key === 'Backspace') return { query: [...query].slice(0, -1).join('') }
  return [...key.key].length === 1 ? { query: query + key.key } : undefined
}
