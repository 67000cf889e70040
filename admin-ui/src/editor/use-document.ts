import { useMemo, useRef } from 'react'
import { findObject, type ObjectName } from '../forms/objects.ts'
import { isMap } from '../forms/schema.ts'
import { type DocumentView, OpenText, readDocument } from '../yaml/index.ts'

/** The document of a text that a form shows. */
export interface OpenDocument {
  readonly open: OpenText
  /** As it is now; its error says why it cannot be read. */
  readonly view: DocumentView | undefined
  /** The last value that could be read: what the form shows while the text is broken. */
  readonly value: unknown
  readonly kind: string
}

let newest: OpenText | undefined

/** A text cut into documents; the same as long as it is the same text, so that each document is parsed once. */
export function openedText(text: string): OpenText {
  newest = newest?.text === text ? newest : new OpenText(text)
  return newest
}

/** One document of a text, read anew when the text changes; the last value that could be read stays. */
export function useDocument(text: string, document: number): OpenDocument {
  const last = useRef<{ document: number; value: unknown }>({ document: -1, value: undefined })
  return useMemo(() => {
    const open = openedText(text)
    const view = document < open.count ? readDocument(open, document) : undefined
    if (view && !view.error) last.current = { document, value: view.value }
    const value = last.current.document === document ? last.current.value : undefined
    const kind = isMap(value) && typeof value['kind'] === 'string' ? value['kind'] : ''
    return { open, view, value, kind }
  }, [text, document])
}

/** Where an object stands in a text; the first document when it is not found. */
export function documentOf(text: string, object: ObjectName): number {
  return findObject(text, object, object.namespace)?.document ?? 0
}
