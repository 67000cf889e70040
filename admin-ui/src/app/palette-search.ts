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
