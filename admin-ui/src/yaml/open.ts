import { cutLists } from './cut.ts'
import { dataOf, isMap, publicData } from './data.ts'
import type { Segment } from './documents.ts'
import { segmentsOf } from './documents.ts'
import type { Path } from './errors.ts'
import { positionOf, Refusal, YamlEditError } from './errors.ts'
import type { Parsed } from './parse.ts'
import { parseSegment } from './parse.ts'
import type { Tree } from './tree.ts'
import type { Unit } from './units.ts'
import { nodeAt, unitsOf } from './units.ts'

/** A document as forms read it. */
export interface DocumentView {
  readonly document: number
  /** Where it stands in a List: `['items', 3]`; empty for a document of its own. */
  readonly place: Path
  /** The document's stretch of the text, with the comments above it. */
  readonly from: number
  readonly to: number
  /** Plain data; undefined when the document cannot be read. Values that aliases share are one object. */
  readonly value: unknown
  /** Why it cannot be read. The other documents of the text are not touched by that. */
  readonly error: YamlEditError | undefined
}

/** Characters of a List whose items are read one by one. */
const LARGE = 32 * 1024

/** A text cut into documents; each is parsed when it is first asked for. Hand one to several questions about the same text. */
export class OpenText {
  readonly text: string
  readonly #bom: number
  readonly #segments: readonly Segment[]
  readonly #units: readonly Unit[]
  readonly #parsed = new Map<Segment, readonly Parsed[] | Refusal>()

  /** @param largest so many characters a List may have that is read as a whole; of a larger one each item is read when it is asked for */
  constructor(text: string, largest: number = LARGE) {
    this.text = text
    this.#bom = text.charCodeAt(0) === 0xfeff ? 1 : 0
    const slice = (segment: Segment) => this.#slice(segment)
    const read = (segment: Segment) => {
      const parsed = this.#parse(segment)
      return parsed instanceof Refusal ? undefined : parsed
    }
    this.#segments = cutLists(segmentsOf(text.slice(this.#bom)), slice, largest, read)
    this.#units = unitsOf(this.#segments, slice, read)
  }

  /** Number of documents, items of Lists counted each; 0 for a text of comments and blank lines only. */
  get count(): number {
    return this.#segments.every(({ count }) => count === 0) ? 0 : this.#units.length
  }

  /** The node a document is, and the text and offset of the stretch that was parsed. @throws YamlEditError */
  document(document: number): { readonly root: Tree; readonly text: string; readonly offset: number } {
    const { segment, index, inside } = this.#unit(document)
    const offset = this.#bom + segment.from
    const parsed = this.#parse(segment)
    if (parsed instanceof Refusal) {
      const position = positionOf(this.text, offset + parsed.offset)
      throw new YamlEditError(parsed.code, parsed.message, { document, position })
    }
    return { root: nodeAt(parsed[index]!.root, inside), text: this.#slice(segment), offset }
  }

  /** The document a cursor is in. @throws YamlEditError when there is none, or when its segment cannot be read and holds several documents */
  documentAt(at: number): number {
    const segment = this.#segments.findLast(({ from }) => from + this.#bom <= at) ?? this.#segments[0]!
    if (segment.part?.of === 'frame') {
      const next = this.#units.findIndex((unit) => unit.segment.from >= segment.to)
      const head = next >= 0 && this.#units[next]!.segment.from === segment.to && this.place(next).at(-1) === 0
      return head ? next : (next < 0 ? this.#units.length : next) - 1
    }
    const first = this.#units.findIndex((unit) => unit.segment === segment)
    const last = this.#units.findLastIndex((unit) => unit.segment === segment)
    if (first < 0) throw new YamlEditError('NO_DOCUMENT', 'the List has no items')
    for (let document = last; document > first; document--) if (this.#beginOf(document) <= at) return document
    return first
  }

  /** Where a document begins that is not the first of its segment. */
  #beginOf(document: number): number {
    const { segment, index, span } = this.#units[document]!
    const offset = this.#bom + segment.from
    if (span) return offset + span.from
    this.document(document)
    const { marker, root } = (this.#parse(segment) as readonly Parsed[])[index]!
    return offset + (marker === undefined ? root.from : marker - 3)
  }

  #unit(document: number): Unit {
    const unit = this.#units[document]
    if (!unit) throw new YamlEditError('NO_DOCUMENT', `there is no document number ${document + 1}`, { document })
    return unit
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

  /** The stretch of the text a document takes, with the comments above it; parsed or not. @throws YamlEditError `NO_DOCUMENT` */
  span(document: number): { readonly from: number; readonly to: number } {
    const { segment, span = { from: 0, to: segment.to - segment.from } } = this.#unit(document)
    const offset = this.#bom + segment.from
    return { from: offset + span.from, to: offset + span.to }
  }

  /** Where a document stands in a List: `['items', 3]`; empty for one of its own. @throws YamlEditError `NO_DOCUMENT` */
  place(document: number): Path {
    return this.#unit(document).path
  }

  /** Whether a document has been read already. @throws YamlEditError `NO_DOCUMENT` */
  isRead(document: number): boolean {
    return this.#parsed.has(this.#unit(document).segment)
  }

  /** What the List says of a document that does not say it: version and kind. @throws YamlEditError `NO_DOCUMENT` */
  head(document: number): Readonly<Record<string, string>> {
    return this.#unit(document).head()
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
  const span = open.span(document)
  const place = open.place(document)
  try {
    const { root, text } = open.document(document)
    const own = publicData(dataOf(text, root))
    const value = isMap(own) ? { ...open.head(document), ...own } : own
    return { document, place, ...span, value, error: undefined }
  } catch (error) {
    if (!(error instanceof YamlEditError || error instanceof Refusal)) throw error
    const shown =
      error instanceof YamlEditError
        ? error
        : new YamlEditError(error.code, error.message, {
            document,
            position: positionOf(open.text, span.from + error.offset),
          })
    return { document, place, ...span, value: undefined, error: shown }
  }
}
