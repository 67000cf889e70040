import { sameData } from './data.ts'
import { edit } from './edit.ts'
import type { OpenText } from './open.ts'
import { openText, readDocument } from './open.ts'

/**
 * A document as a text of its own, comments included. An item of a List comes without its dash and indentation and says version and kind
 * itself; where it leans on the rest of the List (aliases), it is written anew. @throws YamlEditError `NO_DOCUMENT`
 */
export function documentText(source: string | OpenText, document: number): string {
  const open = openText(source)
  const { from, to } = open.span(document)
  const slice = open.text.slice(from, to)
  if (open.place(document).length === 0) return slice
  const { value } = readDocument(open, document)
  const head = Object.entries(open.head(document)).map(([key, text]) => `${key}: ${text}\n`)
  const own = head.join('') + withoutDash(slice)
  const [only, ...others] = readAll(own)
  if (only && others.length === 0 && sameData(only.value, value)) return own.endsWith('\n') ? own : `${own}\n`
  return edit('', [{ path: [], op: 'set', value }]).text
}

function readAll(text: string): readonly { readonly value: unknown }[] {
  const open = openText(text)
  return Array.from({ length: open.count }, (_, document) => readDocument(open, document))
}

/** Lines of an item moved to where a document stands. A flow item stays as it is. */
function withoutDash(slice: string): string {
  const lines = slice.split('\n')
  const first = lines.findIndex((line) => /^ *-(?:\s|$)/.test(line))
  if (first < 0) return slice
  const [, before = '', gap = '', inline = ''] = /^( *)-(\s*)(.*)$/.exec(lines[first]!)!
  const beside = inline !== '' && !inline.startsWith('#')
  const below = lines.slice(first + 1).find((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
  const column = beside ? before.length + 1 + gap.length : /^ */.exec(below ?? '')![0].length
  const moved = (line: string, by: number) => line.slice(Math.min(by, /^ */.exec(line)![0].length))
  return [
    ...lines.slice(0, first).map((line) => moved(line, before.length)),
    ...(inline === '' ? [] : [inline]),
    ...lines.slice(first + 1).map((line) => moved(line, column)),
  ].join('\n')
}
