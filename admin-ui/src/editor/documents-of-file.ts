import { isMap, readList, readMap, readText } from '../forms/schema.ts'
import { type OpenText, readDocument } from '../yaml/index.ts'

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
