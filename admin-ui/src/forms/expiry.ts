/** The annotation with the time at which faults and mirrors of a document end by themselves. */
export const EXPIRES_AT = 'meshgate.io/expires-at'

/** A time from now as the annotation takes it, to the second. */
export function expiryIn(ms: number, now: number): string {
  return new Date(Math.round((now + ms) / 1_000) * 1_000).toISOString().replace('.000Z', 'Z')
}
