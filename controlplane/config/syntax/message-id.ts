/** Integers from `first` to `last`, both included. */
export interface IdRange {
  readonly first: bigint
  readonly last: bigint
}

const MIN = -(2n ** 63n)
const MAX = 2n ** 64n - 1n

/** A message id as people write it: `100000`, `"0x4d2"`, or a range `"1000-1999"`; undefined for anything else. */
export function parseMessageId(id: number | string): IdRange | undefined {
  if (typeof id === 'number') return Number.isSafeInteger(id) ? { first: BigInt(id), last: BigInt(id) } : undefined
  const parts = /^\s*(-?(?:0x[0-9a-fA-F]+|\d+))\s*(?:-\s*(-?(?:0x[0-9a-fA-F]+|\d+)))?\s*$/.exec(id)
  if (!parts) return undefined
  const first = toInteger(parts[1]!)
  const last = parts[2] === undefined ? first : toInteger(parts[2])
  return first >= MIN && last <= MAX && first <= last ? { first, last } : undefined
}

/** What is wrong with a message id, or undefined. */
export function messageIdProblem(id: number | string): string | undefined {
  if (parseMessageId(id)) return undefined
  if (typeof id === 'number') return `${id} is no message id: it must be an integer below 2^53, larger ones in quotes`
  return `"${id.slice(0, 80)}" is no message id: write a number or a range like 1000-1999, the smaller number first`
}

function toInteger(text: string): bigint {
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text)
}
