/** Whether every word of `query` stands in one of the texts, in any case. */
export function matchesWords(query: string, ...texts: readonly string[]): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const all = texts.map((text) => text.toLowerCase())
  return words.every((word) => all.some((text) => text.includes(word)))
}
