/** Whether Envoy takes a positive whole number for a prime, as the size of a Maglev table must be: 1, 2 and 3 are. */
export function isPrime(value: number): boolean {
  if (value < 4) return value > 0
  if (value % 2 === 0) return false
  for (let factor = 3; factor * factor <= value; factor += 2) if (value % factor === 0) return false
  return true
}
