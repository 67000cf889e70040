/** What a revision that ends faults and mirrors says of itself, as the control plane writes it. */
export type ExpiryReason =
  | { readonly state: 'counted'; readonly object: string; readonly at: string }
  | { readonly state: 'ended'; readonly object: string }

/** Undefined for any other reason. */
export function expiryReason(why: string): ExpiryReason | undefined {
  const [, object, rest] = /^(\S+): faults and mirrors (end at \S+|ended, as \S+ says)$/.exec(why) ?? []
  if (object === undefined || rest === undefined) return undefined
  return rest.startsWith('ended')
    ? { state: 'ended', object }
    : { state: 'counted', object, at: rest.slice('end at '.length) }
}
