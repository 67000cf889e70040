/** Geometry of lines: offsets only, no YAML. A line's end is the offset of its line break (of `\r` in `\r\n`), or of the text's end. */

/** Start of the line that holds `at`. */
export function lineStart(text: string, at: number): number {
  return at <= 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1
}

/** End of the line that holds `at`. */
export function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at)
  if (newline === -1) return text.length
  return newline > at && text[newline - 1] === '\r' ? newline - 1 : newline
}

/** Start of the line after the one that ends at `end`; the text's end when there is none. */
export function nextLine(text: string, end: number): number {
  if (text[end] === '\r' && text[end + 1] === '\n') return end + 2
  return text[end] === '\n' ? end + 1 : end
}

/** A block scalar ends behind its last line break: `at` is then the start of the next line, which is not its own. */
export function atLineStart(text: string, at: number): boolean {
  return at > 0 && text[at - 1] === '\n'
}

/** End of the last line of something that ends at `at`: never steps over a line break that already belongs to it. */
export function lastLineEnd(text: string, at: number): number {
  if (!atLineStart(text, at)) return lineEnd(text, at)
  return at > 1 && text[at - 2] === '\r' ? at - 2 : at - 1
}

/** How many characters of its line stand before an offset. */
export function columnOf(text: string, at: number): number {
  return at - lineStart(text, at)
}

/** The blanks at the beginning of the line that holds `at`. */
export function lineIndent(text: string, at: number): string {
  const start = lineStart(text, at)
  return /^[ \t]*/.exec(text.slice(start, at))![0]
}

/** True when only blanks stand before `at` in its line. */
export function ownsLine(text: string, at: number): boolean {
  return text.slice(lineStart(text, at), at).trim() === ''
}

export interface Line {
  readonly from: number
  readonly to: number
  /** Count of leading spaces. */
  readonly indent: number
  readonly kind: 'blank' | 'comment' | 'content'
}

/** The line that starts at `from`. */
export function lineAt(text: string, from: number): Line {
  const to = lineEnd(text, from)
  let indent = 0
  while (from + indent < to && text[from + indent] === ' ') indent++
  let at = from + indent
  while (at < to && text[at] === '\t') at++
  return { from, to, indent, kind: at >= to ? 'blank' : text[at] === '#' ? 'comment' : 'content' }
}

/**
 * End of the last line an item owns: the line it ends on with its trailing comment, and the comment lines below that are indented
 * deeper than `column` (blank lines between count when such a comment follows). For a block scalar without comments below this is
 * its own end, a line start.
 */
export function extendedEnd(text: string, end: number, column: number): number {
  let owned = atLineStart(text, end) ? end : lineEnd(text, end)
  let at = atLineStart(text, end) ? end : nextLine(text, owned)
  while (at < text.length) {
    const line = lineAt(text, at)
    if (line.kind === 'comment' && line.indent > column) owned = line.to
    else if (line.kind !== 'blank') break
    const next = nextLine(text, line.to)
    if (next === at) break
    at = next
  }
  return owned
}

/** Start of the comment lines right above the line of `start` that stand in the same column, or of that line itself. */
export function leadingStart(text: string, start: number): number {
  let from = lineStart(text, start)
  const column = start - from
  while (from > 0) {
    const line = lineAt(text, lineStart(text, from - 1))
    if (line.kind !== 'comment' || line.indent !== column) break
    from = line.from
  }
  return from
}

/** Whether comment lines indented deeper than `column` follow the item that ends at `end`: text of a block scalar would swallow them. */
export function deeperCommentBelow(text: string, end: number, column: number): boolean {
  const start = atLineStart(text, end) ? end : nextLine(text, lineEnd(text, end))
  return extendedEnd(text, end, column) > start
}
