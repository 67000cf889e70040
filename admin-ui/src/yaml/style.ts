import { type JsonLayout, jsonLayoutOf } from './json.ts'
import type { Quote } from './scalar.ts'
import type { Collection, Tree } from './tree.ts'

/** How a document is written, so that what is added looks like its neighbours. */
export interface Style {
  readonly eol: '\n' | '\r\n'
  readonly quote: Quote
  /** Columns from a map's keys to the keys of a map below. */
  readonly mapStep: number
  /** Columns from a map's keys to the dashes of a list below; 0 is usual in Kubernetes. */
  readonly listStep: number
  /** Blanks behind a dash. */
  readonly dashGap: number
  /** `{ a: 1 }` rather than `{a: 1}`. */
  readonly padded: boolean
  /** The document is JSON: whatever is added is JSON, too. */
  readonly json: JsonLayout | undefined
}

/** The habits of the majority in this document; without any: two columns, lists not indented, double quotes. */
export function styleOf(text: string, root: Tree): Style {
  const mapSteps = new Map<number, number>()
  const listSteps = new Map<number, number>()
  const gaps = new Map<number, number>()
  const quotes = new Map<Quote, number>()
  const pads = new Map<boolean, number>()
  const walk = (tree: Tree, parent: Collection | undefined): void => {
    if (tree.kind === 'scalar' && (tree.style === 'single' || tree.style === 'double')) count(quotes, tree.style)
    if (tree.kind !== 'map' && tree.kind !== 'seq') return
    if (tree.flow) {
      const inner = text.slice(tree.start + 1, tree.end - 1)
      if (tree.kind === 'map' && !tree.bare && inner.trim() !== '' && !inner.includes('\n'))
        count(pads, inner.startsWith(' '))
    } else if (parent && !parent.flow && parent.kind === 'map') {
      const step = tree.column - parent.column
      if (tree.kind === 'map' ? step > 0 : step >= 0) count(tree.kind === 'map' ? mapSteps : listSteps, step)
    }
    for (const slot of tree.slots) {
      if (slot.keyStyle === 'single' || slot.keyStyle === 'double') count(quotes, slot.keyStyle)
      if (!tree.flow && tree.kind === 'seq') {
        const gap = gapOf(text, slot.headEnd)
        if (gap > 0) count(gaps, gap)
      }
      walk(slot.value, tree)
    }
  }
  walk(root, undefined)
  return {
    eol: text.includes('\r\n') ? '\r\n' : '\n',
    quote: most(quotes) ?? 'double',
    mapStep: most(mapSteps) ?? 2,
    listStep: most(listSteps) ?? 0,
    dashGap: most(gaps) ?? 1,
    padded: most(pads) ?? false,
    json: jsonLayoutOf(text, root),
  }
}

/** Blanks between a dash and its value on the same line; 0 when the value is elsewhere. */
function gapOf(text: string, dashEnd: number): number {
  let at = dashEnd
  while (text[at] === ' ') at++
  return at >= text.length || text[at] === '\n' || text[at] === '\r' || text[at] === '#' ? 0 : at - dashEnd
}

/** Blanks behind the dashes of one list: its own habit before the document's. */
export function dashGapOf(text: string, list: Collection, style: Style): number {
  for (const slot of list.slots) {
    const gap = gapOf(text, slot.headEnd)
    if (gap > 0) return gap
  }
  return style.dashGap
}

function count<T>(counts: Map<T, number>, key: T): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function most<T>(counts: Map<T, number>): T | undefined {
  let best: T | undefined
  for (const [key, n] of counts) if (best === undefined || n > counts.get(best)!) best = key
  return best
}
