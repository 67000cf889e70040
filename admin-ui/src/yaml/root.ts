import type { Change } from './changes.ts'
import { extendedEnd, lastLineEnd, lineEnd, lineIndent, lineStart, ownsLine } from './lines.ts'
import type { Parsed } from './parse.ts'
import type { Page } from './render.ts'
import { isFilled, renderBlock, renderFlow } from './render.ts'

/**
 * Changes that put `value` in the place of a document's whole content. Comments above it and the `---` line stay. A string is written on
 * one line: below a document's root there is no indentation that could end a block scalar.
 */
export function replaceRoot(page: Page, { root, marker }: Parsed, value: unknown): Change[] {
  const { text, style } = page
  if (style.json)
    return [
      {
        from: root.from,
        to: root.end,
        insert: renderFlow(value, style, false, undefined, lineIndent(text, root.from)),
      },
    ]
  const lines = isFilled(value) ? renderBlock(value, 0, { style, literals: 'none' }) : undefined
  const body = lines ? lines.join(style.eol) : renderFlow(value, style, false)
  if (root.kind === 'scalar' && root.style === 'empty')
    return intoNothing(page, root.from, root.end, marker, body, lines !== undefined)

  const block =
    ((root.kind === 'map' || root.kind === 'seq') && !root.flow) ||
    (root.kind === 'scalar' && root.headerEnd > root.start)
  const onMarker = !ownsLine(text, root.from)
  const from = onMarker ? root.from : lineStart(text, root.from)
  if (block) {
    const to = Math.max(root.from, lastLineEnd(text, extendedEnd(text, root.end, 0)))
    return [{ from, to, insert: onMarker && lines ? style.eol + body : body }]
  }
  if (!lines) return [{ from: root.from, to: root.end, insert: body }]
  const line = lineEnd(text, root.end)
  const comment = text.slice(root.end, line).trim() !== ''
  if (!onMarker && !comment) return [{ from, to: line, insert: body }]
  const gap = onMarker ? 0 : text.slice(root.end, line).search(/\S/)
  return [
    { from: root.from, to: root.end + Math.max(0, gap), insert: '' },
    { from: line, to: line, insert: style.eol + body },
  ]
}

function intoNothing(
  page: Page,
  from: number,
  end: number,
  marker: number | undefined,
  body: string,
  lines: boolean,
): Change[] {
  const { text, style } = page
  if (marker !== undefined) {
    if (!lines) return [{ from, to: end, insert: from === marker ? ` ${body}` : body }]
    const line = lineEnd(text, marker)
    const props = from < end ? [{ from, to: end, insert: '' }] : []
    return [...props, { from: line, to: line, insert: style.eol + body }]
  }
  const before = from > 0 && text[from - 1] !== '\n' ? style.eol : ''
  const after = text === '' || from < text.length || text.endsWith('\n') ? style.eol : ''
  return [{ from, to: end, insert: before + body + after }]
}
