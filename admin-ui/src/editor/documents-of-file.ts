import { isMap, readList, readMap, readText } from '../forms/schema.ts'
import { type OpenText, type Path, readDocument, textPosition, YamlEditError } from '../yaml/index.ts'

/** The most documents that are searched for subsets. */
const MOST_SEARCHED = 200

/** Documents of a file by what they say of themselves, without reading them all. */
export function documentNames(open: OpenText): { readonly value: string; readonly label: string }[] {
  return Array.from({ length: open.count }, (_, document) => {
    const { from, to } = open.span(open.segmentOf(document)!)
    const slice = open.text.slice(from, Math.min(to, from + 2_000))
    const kind = /^kind:\s*["']?(\w+)/m.exec(slice)?.[1] ?? '?'
    const name = /^metadata:(?:\s*\{.*?\bname:\s*|(?:\n\s+.*)*?\n\s+name:\s*)["']?([\w.-]+)/m.exec(slice)?.[1] ?? ''
    return { value: String(document), label: `${document + 1} · ${kind} ${name}` }
  })
}

/** Subsets that DestinationRules of this file declare for a host. */
export function subsetsIn(open: OpenText, host: string): readonly string[] {
  for (let document = 0; document < Math.min(open.count, MOST_SEARCHED); document++) {
    const { from, to } = open.span(open.segmentOf(document)!)
    if (!/kind:\s*["']?DestinationRule/.test(open.text.slice(from, to))) continue
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
