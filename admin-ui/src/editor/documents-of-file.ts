import { isMap, readList, readMap, readText } from '../forms/schema.ts'
import { type OpenText, type Path, readDocument, textPosition, YamlEditError } from '../yaml/index.ts'

/** The most documents that are searched for subsets. */
const MOST_SEARCHED = 200

/** Documents of a file by what they say of themselves, without reading them all. */
export function documentNames(open: OpenText): { readonly value: string; readonly label: string }[] {
  return Array.from({ length: open.count }, (_, document) => {
    const { from, to } = open.span(document)
    const isItem = open.place(document).length > 0
    if (isItem && open.isRead(document)) return { value: String(document), label: labelOf(document, open) }
    const start = open.text.slice(from, Math.min(to, from + 2_000))
    const slice = isItem ? withoutDash(start) : start
    const kind = /^kind:\s*["']?(\w+)/m.exec(slice)?.[1] ?? '?'
    return { value: String(document), label: `${document + 1} · ${kind} ${nameIn(slice)}` }
  })
}

/** The beginning of an item where a document stands. */
function withoutDash(text: string): string {
  const [, before = '', gap = ''] = /^( *)-( +)/m.exec(text) ?? []
  const column = before.length + 1 + gap.length
  return text
    .replace(/^( *)-( +)/m, '$1 $2')
    .split('\n')
    .map((line) => line.slice(Math.min(column, /^ */.exec(line)![0].length)))
    .join('\n')
}

/** What an item that has been read already says of itself. */
function labelOf(document: number, open: OpenText): string {
  const { value } = readDocument(open, document)
  const item = isMap(value) ? value : {}
  return `${document + 1} · ${readText(item, 'kind') ?? '?'} ${readText(readMap(item, 'metadata'), 'name') ?? ''}`
}

/** The name in the metadata of a document, of what stands there itself and not deeper; empty where there is none. */
function nameIn(text: string): string {
  const inline = /^metadata:\s*\{(?:[^{}]|\{[^{}]*\})*?\bname:\s*["']?([\w.-]+)/m.exec(text)?.[1]
  if (inline !== undefined) return inline
  const [, block = ''] = /^metadata:[^\n]*\n((?:[ \t][^\n]*\n?|#[^\n]*\n?|\n)*)/m.exec(text) ?? []
  const indent = /^([ \t]+)[^#\s]/m.exec(block)?.[1]
  const line = block.split('\n').find((one) => indent !== undefined && one.startsWith(`${indent}name:`))
  return /:\s*["']?([\w.-]+)/.exec(line ?? '')?.[1] ?? ''
}

/** Subsets that DestinationRules of this file declare for a host. */
export function subsetsIn(open: OpenText, host: string): readonly string[] {
  for (let document = 0; document < Math.min(open.count, MOST_SEARCHED); document++) {
    const { from, to } = open.span(document)
    const said = open.head(document)['kind'] === 'DestinationRule'
    if (!said && !/kind["']?\s*:\s*["']?DestinationRule/.test(open.text.slice(from, to))) continue
    const { value } = readDocument(open, document)
    const spec = isMap(value) ? readMap(value, 'spec') : {}
    if (readText(spec, 'host') === host) return readList(spec, 'subsets').flatMap((one) => readText(one, 'name') ?? [])
  }
  return []
}

/** Where a path of a document stands: from its key to the end of that line, or of its value if that ends before. Nowhere while the text is broken. */
export function placeOf(
  open: OpenText,
  document: number,
  path: Path,
): { readonly from: number; readonly to: number } | undefined {
  try {
    const place = textPosition(open, document, path)
    const from = place.exact ? (place.key?.from ?? place.value.from) : place.offset
    const end = place.exact ? Math.max(place.value.to, from) : from
    const line = open.text.indexOf('\n', from)
    return { from, to: line < 0 ? end : Math.min(end, line) }
  } catch (problem) {
    if (problem instanceof YamlEditError) return undefined
    throw problem
  }
}
