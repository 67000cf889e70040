import { dataOf, publicData } from './data.ts'
import type { Segment } from './documents.ts'
import { segmentsOf } from './documents.ts'
import { positionOf, Refusal, YamlEditError } from './errors.ts'
import type { Parsed } from './parse.ts'
import { parseSegment } from './parse.ts'

/** A document as forms read it. */
export interface DocumentView {
  readonly document: number
  /** The document's stretch of the text, with the comments above it. */
  readonly from: number
  readonly to: number
  /** Plain data; undefined when the document cannot be read. Values that aliases share are one object. */
  readonly value: unknown
  /** Why it cannot be read. The other documents of the text are not touched by that. */
  readonly error: YamlEditError | undefined
}

/** A text cut into documents; each is parsed when it is first asked for. Hand one to several questions about the same text. */
export class OpenText {
  readonly text: string
  readonly #bom: number
  readonly #segments: readonly Segment[]
  readonly #parsed = new Map<Segment, readonly Parsed[] | Refusal>()

  constructor(text: string) {
    this.text = text
    this.#bom = text.charCodeAt(0) === 0xfeff ? 1 : 0
    this.#segments = segmentsOf(text.slice(this.#bom))
  }

  /** Number of documents; 0 for a text of comments and blank lines only. */
  get count(): number {
    return this.#segments.reduce((total, { count }) => total + count, 0)
  }

  /** The segment that holds a document, what it parsed to, and its offset in the text. @throws YamlEditError */
  document(document: number): {
    readonly parsed: Parsed
    readonly text: string
    readonly offset: number
    readonly segment: Segment
  } {
    const segment = this.#segments.find(
      ({ first, count }) => document >= first && document < first + Math.max(1, count),
    )
    if (!segment) throw new YamlEditError('NO_DOCUMENT', `there is no document number ${document + 1}`, { document })
    const offset = this.#bom + segment.from
    const parsed = this.#parse(segment)
    if (parsed instanceof Refusal) {
      const position = positionOf(this.text, offset + parsed.offset)
      throw new YamlEditError(parsed.code, parsed.message, { document, position })
    }
    return { parsed: parsed[document - segment.first]!, text: this.#slice(segment), offset, segment }
  }

  /** The document a cursor is in. @throws YamlEditError when its segment cannot be read and holds several documents */
  documentAt(at: number): number {
    const segment = this.#segments.findLast(({ from }) => from + this.#bom <= at) ?? this.#segments[0]!
    if (segment.count <= 1) return segment.first
    for (let i = segment.count - 1; i > 0; i--) {
      const { parsed, offset } = this.document(segment.first + i)
      const begin = parsed.marker === undefined ? parsed.root.from : parsed.marker - 3
      if (offset + begin <= at) return segment.first + i
    }
    return segment.first
  }

  #parse(segment: Segment): readonly Parsed[] | Refusal {
    const known = this.#parsed.get(segment)
    if (known) return known
    let result: readonly Parsed[] | Refusal
    try {
      result = parseSegment(this.#slice(segment), segment.count)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      result = error
    }
    this.#parsed.set(segment, result)
    return result
  }

  #slice({ from, to }: Segment): string {
    return this.text.slice(from + this.#bom, to + this.#bom)
  }

  /** The stretch of the text a document's segment takes. */
  span({ from, to }: Segment): { readonly from: number; readonly to: number } {
    return { from: from + this.#bom, to: to + this.#bom }
  }

  /** A document's segment, parsed or not: either every document has its own, or one holds them all. */
  segmentOf(document: number): Segment | undefined {
    const [only] = this.#segments
    if (this.#segments.length > 1) return this.#segments[document]
    return only && document >= 0 && document < Math.max(1, only.count) ? only : undefined
  }
}

/** A text cut into documents; one that is already stays the same. */
export function openText(source: string | OpenText): OpenText {
  return typeof source === 'string' ? new OpenText(source) : source
}

/** Every document of a text with its value, or with the reason why it has none. Never throws for what the text says. */
export function readDocuments(source: string | OpenText): DocumentView[] {
  const open = openText(source)
  return Array.from({ length: open.count }, (_, document) => readDocument(open, document))
}

/** One document of a text, the others unread: a large file costs what this document costs. @throws YamlEditError `NO_DOCUMENT` */
export function readDocument(source: string | OpenText, document: number): DocumentView {
  const open = openText(source)
  const segment = open.segmentOf(document)
  if (!segment) throw new YamlEditError('NO_DOCUMENT', `there is no document number ${document + 1}`, { document })
  const span = open.span(segment)
  try {
    const { parsed, text } = open.document(document)
    return { document, ...span, value: publicData(dataOf(text, parsed.root)), error: undefined }
  } catch (error) {
    if (!(error instanceof YamlEditError || error instanceof Refusal)) throw error
    const shown =
      error instanceof YamlEditError
        ? error
        : new YamlEditError(error.code, error.message, {
            document,
            position: positionOf(open.text, span.from + error.offset),
          })
    return { document, ...span, value: undefined, error: shown }
  }
}
