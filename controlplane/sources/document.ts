import type { Path } from '../diagnostics/diagnostic.ts'

/** A place in a file; lines and columns count from 1. */
export interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One YAML document as it was read. A source knows no kind: `value` is plain data, unchecked. */
export interface SourceDocument {
  /** `<file>#<index>`, unique in a source. */
  readonly id: string
  readonly file: string
  /** Position among the file's documents, from 0. */
  readonly index: number
  readonly value: unknown
  /** Hash of the document's text and place: equal means nothing changed, positions included. */
  readonly revision: string
  /** The text it was read from; that of the whole List for an item of one. */
  readonly text?: string | undefined
  /** Values that are there because of aliases only, for limits over many documents. Absent: none. */
  readonly copies?: number
  /** An item of a List that contradicts itself, which the source has told: it says who it claims to be, and cannot be used. */
  readonly broken?: boolean
  /** Digest of the other files the document's meaning depends on; absent when it names none. */
  readonly companions?: string
  /** The place of the node at `path` (its key when `on` is 'key'); of its nearest existing ancestor when it is not there. */
  locate(path: Path, on?: 'key' | 'value'): Location
}
