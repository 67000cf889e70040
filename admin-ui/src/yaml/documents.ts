import type { Tree } from './tree.ts'

/** A stretch of a text that is parsed on its own, and the documents in it. */
export interface Segment {
  readonly from: number
  readonly to: number
  /** Index in the text of the segment's first document. */
  readonly first: number
  readonly count: number
  /** Of a List that was cut into its items: an item by itself, or what stands around them. */
  readonly part?:
    | { readonly of: 'frame' }
    | {
        readonly of: 'item'
        readonly item: number
        /** The List without its items. */
        readonly frame: Tree
      }
}

/**
 * Cuts a text (without byte order mark) where documents begin, without parsing: `---` and `...` at the start of a line are
 * markers wherever they stand (YAML 1.2.2, rule c-forbidden). Comments and directives before `---` belong to the document after
 * them, what follows the last `...` to the last one. A text with directives stays in one piece, because they reach over
 * several documents. A text without any document is one segment with count 0.
 */
export function segmentsOf(text: string): Segment[] {
  const cuts: number[] = []
  let start = 0
  let open = false
  let directive = false
  for (let line = 0; line < text.length; ) {
    const newline = text.indexOf('\n', line)
    const next = newline === -1 ? text.length : newline + 1
    const mark = markerAt(text, line)
    if (mark === '---') {
      if (open) {
        cuts.push(start)
        start = line
      }
      open = true
    } else if (mark === '...') {
      cuts.push(start)
      start = next
      open = false
    } else if (!open) {
      const first = firstOf(text, line, next)
      if (first === '%') directive = true
      else if (first !== '' && first !== '#') open = true
    }
    line = next
  }
  if (open) cuts.push(start)
  if (cuts.length === 0) return [{ from: 0, to: text.length, first: 0, count: 0 }]
  if (directive) return [{ from: 0, to: text.length, first: 0, count: cuts.length }]
  return cuts.map((from, i) => ({ from, to: cuts[i + 1] ?? text.length, first: i, count: 1 }))
}

function markerAt(text: string, line: number): '---' | '...' | undefined {
  const mark = text.startsWith('---', line) ? '---' : text.startsWith('...', line) ? '...' : undefined
  const after = text[line + 3]
  return after === undefined || after === '\n' || after === '\r' || after === ' ' || after === '\t' ? mark : undefined
}

/** First character of a line that is no blank, `''` for a blank line. A directive's `%` counts in the first column only. */
function firstOf(text: string, line: number, next: number): string {
  for (let i = line; i < next; i++) {
    const c = text[i]!
    if (c === ' ' || c === '\t' || c === '\r' || c === '\n') continue
    return c === '%' && i > line ? 'x' : c
  }
  return ''
}
