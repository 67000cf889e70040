import { type RefObject, startTransition, useCallback, useEffect, useRef, useState } from 'react'
import { formatPath, type Path, pathAt } from '../yaml/index.ts'
import type { CodeView } from './code-view.ts'
import { openedText } from './use-document.ts'

/** Where one works in a file. */
export interface Cursor {
  /** The place of the document that is shown as a form, among those of the file. */
  readonly document: number
  readonly setDocument: (document: number) => void
  /** The field the cursor of the text stands in; undefined before it was anywhere. */
  readonly active: Path | undefined
  /** Tells where the cursor is; the same function for as long as the editor stands. */
  readonly onCursor: (offset: number) => void
}

/**
 * The document and the field that the cursor of a text stands in; looked for anew when the page has followed the text.
 * @param text as the page knows it; while it is behind the editor, the cursor stands in a text that is not read yet
 */
export function useCursor(
  code: RefObject<CodeView | undefined>,
  { text, isBehind }: { readonly text: string; readonly isBehind: () => boolean },
  first: () => number,
): Cursor {
  const [document, setDocument] = useState(first)
  const [active, setActive] = useState<Path | undefined>(undefined)
  const known = useRef({ text, isBehind })
  known.current = { text, isBehind }
  const onCursor = useCallback(
    (offset: number) => {
      if (known.current.isBehind()) return
      const at = pathAt(openedText(code.current?.text() ?? known.current.text), offset)
      if (!at) return
      setDocument(at.document)
      setActive((before) => (before && formatPath(before) === formatPath(at.path) ? before : at.path))
    },
    [code],
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: a text that followed is the reason to look where the cursor is
  useEffect(() => {
    const at = code.current?.cursor()
    if (at !== undefined) startTransition(() => onCursor(at))
  }, [text])
  return { document, setDocument, active, onCursor }
}
