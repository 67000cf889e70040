/** A percentage (0 to 100, fractions allowed) in millionths of the whole. */
export function millionths(percentage: number): number {
  return Math.round(Math.min(Math.max(percentage, 0), 100) * 10_000)
}
