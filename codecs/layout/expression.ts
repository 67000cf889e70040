/** A sum of bytes: `constant + Σ scale × (value of a field | end of a field)`. */
export interface Expression {
  readonly constant: number
  readonly terms: readonly Term[]
}

export interface Term {
  readonly name: string
  /** value: the number in the field; end: the offset behind it, from the start of the frame. */
  readonly of: 'value' | 'end'
  readonly scale: number
}

/** @throws SyntaxError with a text for people. */
export function parseExpression(source: string | number): Expression {
  if (typeof source === 'number') return { constant: source, terms: [] }
  const tokens = source.match(/0x[\da-f]+|\d+|end\(\s*[A-Za-z_][\w-]*\s*\)|[A-Za-z_]\w*(?:-\w+)*|[-+*/]|\S/gi) ?? []
  let at = 0
  let constant = 0
  const terms: Term[] = []
  const factor = (): number | Term => {
    const token = tokens[at++]
    if (token === undefined) throw new SyntaxError(`"${source}" ends where a number or a field should stand`)
    if (/^\d/.test(token)) return Number(token)
    const end = /^end\(\s*([\w-]+)\s*\)$/.exec(token)
    if (end) return { name: end[1]!, of: 'end', scale: 1 }
    if (/^[A-Za-z_]/.test(token)) return { name: token, of: 'value', scale: 1 }
    throw new SyntaxError(`"${token}" in "${source}": write numbers, fields, end(field), "+", "-", "*" and "/"`)
  }
  let sign = 1
  for (;;) {
    let left = factor()
    if (tokens[at] === '/') {
      at++
      const right = factor()
      if (
        typeof left === 'number' ||
        left.of === 'end' ||
        typeof right !== 'number' ||
        ![2, 4, 8, 16, 32, 64, 128].includes(right)
      )
        throw new SyntaxError(`"${source}": only a field may be divided, and by 2, 4, 8, … 128`)
      left = { ...left, scale: 1 / right }
    } else if (tokens[at] === '*') {
      at++
      const right = factor()
      if (typeof left === 'number' && typeof right === 'number') left = left * right
      else if (typeof left !== 'number' && typeof right !== 'number') {
        throw new SyntaxError(`"${source}": only a number may multiply a field`)
      } else {
        const term = (typeof left === 'number' ? right : left) as Term
        left = { ...term, scale: (typeof left === 'number' ? left : right) as number }
      }
    }
    if (typeof left === 'number') constant += sign * left
    else if (sign < 0)
      throw new SyntaxError(`"${source}": a field may not be taken away, the sum could fall below zero`)
    else if (left.of === 'end' && left.scale !== 1)
      throw new SyntaxError(`"${source}": end(${left.name}) cannot be multiplied`)
    else terms.push(left)
    const operator = tokens[at++]
    if (operator === undefined) break
    if (operator !== '+' && operator !== '-')
      throw new SyntaxError(`"${source}": "+" or "-" expected before "${operator}"`)
    sign = operator === '+' ? 1 : -1
  }
  if (terms.filter(({ of }) => of === 'end').length > 1)
    throw new SyntaxError(`"${source}": only one end(…) may stand in a sum`)
  return { constant, terms }
}

/** Bytes of `65536`, `64KiB`, `1 MB`. K, M and G without i count in thousands. */
export function parseSize(source: string | number): number {
  if (typeof source === 'number') return source
  const match = /^(\d+) ?([KMG]?)(i?)B?$/.exec(source)
  if (!match) return Number.NaN
  const base = match[3] || !/B$/.test(source) ? 1024 : 1000
  return Number(match[1]) * base ** ['', 'K', 'M', 'G'].indexOf(match[2]!)
}
