import { closest, distance } from 'fastest-levenshtein'

/** `did you mean "x"?` for the nearest of the names, when one is near enough to be meant. */
export function similar(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0 || name.length > 200) return undefined
  const lower = name.toLowerCase()
  const same = names.find((candidate) => candidate.toLowerCase() === lower)
  const near = same ?? closest(name, names as string[])
  const limit = Math.max(2, Math.floor(name.length / 3))
  return same !== undefined || distance(name, near) <= limit ? `did you mean "${near}"?` : undefined
}
