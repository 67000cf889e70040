/** Lines around a change that are shown with it. */
const CONTEXT = 3
/** Differing lines up to which the shortest way is searched for; above it the whole differing part is shown as replaced. */
const MOST_STEPS = 400

interface Edit {
  readonly sign: ' ' | '-' | '+'
  readonly line: string
}

/**
 * The difference of two texts as `diff -u` writes it; empty when they are equal. Absent texts stand for files that are not there.
 * Line ends count: a text whose last line has none is marked as such.
 */
export function unifiedDiff(file: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return ''
  const edits = compare(linesOf(before ?? ''), linesOf(after ?? ''))
  const name = (side: string, text: string | undefined) => (text === undefined ? '/dev/null' : `${side}/${file}`)
  return `--- ${name('a', before)}\n+++ ${name('b', after)}\n${hunks(edits).join('')}`
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function compare(a: readonly string[], b: readonly string[]): Edit[] {
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const same = (line: string): Edit => ({ sign: ' ', line })
  return [
    ...a.slice(0, start).map(same),
    ...shortest(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ]
}

/** Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986): the fewest deletions and insertions. */
function shortest(a: readonly string[], b: readonly string[]): Edit[] {
  const most = Math.min(a.length + b.length, MOST_STEPS)
  const furthest = new Map<number, number>([[1, 0]])
  const trace: Map<number, number>[] = []
  for (let steps = 0; steps <= most; steps++) {
    trace.push(new Map(furthest))
    for (let k = -steps; k <= steps; k += 2) {
      const down = k === -steps || (k !== steps && furthest.get(k - 1)! < furthest.get(k + 1)!)
      let x = down ? furthest.get(k + 1)! : furthest.get(k - 1)! + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      furthest.set(k, x)
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, trace)
    }
  }
  const gone = a.map((line): Edit => ({ sign: '-', line }))
  return [...gone, ...b.map((line): Edit => ({ sign: '+', line }))]
}

function walkBack(a: readonly string[], b: readonly string[], trace: readonly ReadonlyMap<number, number>[]): Edit[] {
  const edits: Edit[] = []
  let x = a.length
  let y = b.length
  for (let steps = trace.length - 1; steps >= 0; steps--) {
    const furthest = trace[steps]!
    const k = x - y
    const down = k === -steps || (k !== steps && furthest.get(k - 1)! < furthest.get(k + 1)!)
    const fromX = steps === 0 ? 0 : furthest.get(down ? k + 1 : k - 1)!
    const fromY = steps === 0 ? 0 : fromX - (down ? k + 1 : k - 1)
    while (
      x > fromX &&
      y > fromY &&
      (steps === 0 || x > (down ? fromX : fromX + 1) || y > (down ? fromY + 1 : fromY))
    ) {
      if (x === 0 || y === 0) break
      edits.push({ sign: ' ', line: a[--x]! })
      y--
    }
    if (steps === 0) break
    if (down) edits.push({ sign: '+', line: b[--y]! })
    else edits.push({ sign: '-', line: a[--x]! })
  }
  return edits.reverse()
}

function hunks(edits: readonly Edit[]): string[] {
  const shown = new Array<boolean>(edits.length).fill(false)
  edits.forEach(({ sign }, index) => {
    if (sign !== ' ') shown.fill(true, Math.max(0, index - CONTEXT), index + CONTEXT + 1)
  })
  const found: string[] = []
  let before = 1
  let after = 1
  for (let index = 0; index < edits.length; ) {
    const from = { before, after }
    const first = index
    while (index < edits.length && shown[index] === shown[first]) {
      const { sign } = edits[index++]!
      if (sign !== '+') before++
      if (sign !== '-') after++
    }
    if (!shown[first]) continue
    const range = (start: number, count: number) => `${count === 0 ? start - 1 : start},${count}`
    const header = `@@ -${range(from.before, before - from.before)} +${range(from.after, after - from.after)} @@\n`
    const body = edits
      .slice(first, index)
      .map(({ sign, line }) => `${sign}${line}${line.endsWith('\n') ? '' : '\n\\ No newline at end of file\n'}`)
    found.push(header + body.join(''))
  }
  return found
}
