/** A stretch of lines that two texts share, as line numbers from 0. */
interface Match {
  readonly base: number
  readonly other: number
}

/**
 * A three-way merge by lines: what either side changed is taken. Undefined when both changed the same or touching lines differently.
 */
export function mergeLines(base: string, theirs: string, mine: string): string | undefined {
  if (theirs === mine || theirs === base) return mine
  if (mine === base) return theirs
  const lines = splitLines(base)
  const other = { theirs: splitLines(theirs), mine: splitLines(mine) }
  const edits = { theirs: hunks(lines, other.theirs), mine: hunks(lines, other.mine) }
  const all = [
    ...edits.theirs.map((hunk) => ({ ...hunk, side: 'theirs' as const })),
    ...edits.mine.map((hunk) => ({ ...hunk, side: 'mine' as const })),
  ].sort((a, b) => a.from - b.from || a.to - b.to)
  const out: string[] = []
  let at = 0
  for (const [index, hunk] of all.entries()) {
    const before = all[index - 1]
    if (before && hunk.from <= before.to && before.side !== hunk.side) {
      const equal = before.from === hunk.from && before.to === hunk.to && sameLines(before.lines, hunk.lines)
      if (!equal) return undefined
      continue
    }
    out.push(...lines.slice(at, hunk.from), ...hunk.lines)
    at = hunk.to
  }
  return [...out, ...lines.slice(at)].join('')
}

interface Hunk {
  /** Lines of the base that are replaced: from, up to but not with to. */
  readonly from: number
  readonly to: number
  readonly lines: readonly string[]
}

/** Lines with their ends. */
function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function hunks(base: readonly string[], other: readonly string[]): readonly Hunk[] {
  const found: Hunk[] = []
  let last: Match = { base: -1, other: -1 }
  for (const match of [...matches(base, other), { base: base.length, other: other.length }]) {
    if (match.base - last.base > 1 || match.other - last.other > 1)
      found.push({ from: last.base + 1, to: match.base, lines: other.slice(last.other + 1, match.other) })
    last = match
  }
  return found
}

/** Common lines in order: head, tail, and between them the anchors that are unique on both sides (patience diff), else the longest common part. */
function matches(a: readonly string[], b: readonly string[]): readonly Match[] {
  return between(a, b, 0, a.length, 0, b.length)
}

const MOST_CELLS = 4_000_000

function between(
  a: readonly string[],
  b: readonly string[],
  aFrom: number,
  aTo: number,
  bFrom: number,
  bTo: number,
): readonly Match[] {
  const head: Match[] = []
  const tail: Match[] = []
  while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) head.push({ base: aFrom++, other: bFrom++ })
  while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) tail.push({ base: --aTo, other: --bTo })
  tail.reverse()
  if (aFrom === aTo || bFrom === bTo) return [...head, ...tail]
  const anchors = increasing(uniqueOnBoth(a, b, aFrom, aTo, bFrom, bTo))
  if (anchors.length === 0) {
    const cells = (aTo - aFrom) * (bTo - bFrom)
    const middle = cells > MOST_CELLS ? [] : longestCommon(a, b, aFrom, aTo, bFrom, bTo)
    return [...head, ...middle, ...tail]
  }
  const middle: Match[] = []
  let [x, y] = [aFrom, bFrom]
  for (const anchor of anchors) {
    middle.push(...between(a, b, x, anchor.base, y, anchor.other), anchor)
    x = anchor.base + 1
    y = anchor.other + 1
  }
  return [...head, ...middle, ...between(a, b, x, aTo, y, bTo), ...tail]
}

function uniqueOnBoth(
  a: readonly string[],
  b: readonly string[],
  aFrom: number,
  aTo: number,
  bFrom: number,
  bTo: number,
): readonly Match[] {
  const seen = new Map<string, { a: number; b: number; at: number; other: number }>()
  for (let i = aFrom; i < aTo; i++) {
    const known = seen.get(a[i]!)
    if (known) known.a++
    else seen.set(a[i]!, { a: 1, b: 0, at: i, other: -1 })
  }
  for (let i = bFrom; i < bTo; i++) {
    const known = seen.get(b[i]!)
    if (known) {
      known.b++
      known.other = i
    }
  }
  return [...seen.values()].filter((one) => one.a === 1 && one.b === 1).map(({ at, other }) => ({ base: at, other }))
}

/** The longest run of matches that rises on both sides; they rise in `base` already. */
function increasing(found: readonly Match[]): readonly Match[] {
  const ends: number[] = []
  const before: number[] = []
  found.forEach((match, index) => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const mid = (low + high) >> 1
      if (found[ends[mid]!]!.other < match.other) low = mid + 1
      else high = mid
    }
    before[index] = low > 0 ? ends[low - 1]! : -1
    ends[low] = index
  })
  const run: Match[] = []
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]!) run.push(found[at]!)
  return run.reverse()
}

function longestCommon(
  a: readonly string[],
  b: readonly string[],
  aFrom: number,
  aTo: number,
  bFrom: number,
  bTo: number,
): readonly Match[] {
  const width = bTo - bFrom + 1
  const table = new Uint32Array((aTo - aFrom + 1) * width)
  for (let i = aTo - aFrom - 1; i >= 0; i--)
    for (let j = bTo - bFrom - 1; j >= 0; j--)
      table[i * width + j] =
        a[aFrom + i] === b[bFrom + j]
          ? table[(i + 1) * width + j + 1]! + 1
          : Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!)
  const found: Match[] = []
  for (let i = 0, j = 0; i < aTo - aFrom && j < bTo - bFrom; ) {
    if (a[aFrom + i] === b[bFrom + j]) found.push({ base: aFrom + i++, other: bFrom + j++ })
    else if (table[(i + 1) * width + j]! >= table[i * width + j + 1]!) i++
    else j++
  }
  return found
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index])
}
