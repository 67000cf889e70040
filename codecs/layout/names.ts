import { distance } from 'fastest-levenshtein'

/** "did you mean …?" for a name close to one of those known; else the list of them. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  const near = known.map((other) => ({ other, far: distance(name.toLowerCase(), other.toLowerCase()) }))
  const best = near.sort((a, b) => a.far - b.far)[0]
  if (best && best.far <= Math.ceil(name.length / 3)) return `did you mean "${best.other}"?`
  return known.length > 0 && known.length <= 20 ? `known here: ${known.join(', ')}` : undefined
}
