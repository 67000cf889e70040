import { type RefObject, useEffect, useRef } from 'react'
import type { DocumentView } from '../yaml/index.ts'
import { type CodeOptions, type CodeView, createCodeView } from './code-view.ts'
import { lineStarts, offsetOf } from './problems.ts'

/**
 * Makes the text editor once, in the element that gets the reference given back, and puts it into `code` for as long as the page is there.
 * What the options call must be the same for all that time, or look behind references itself.
 * @param begun is called once it is there
 */
export function useCodeView(
  code: RefObject<CodeView | undefined>,
  options: Omit<CodeOptions, 'parent'>,
  begun: (made: CodeView) => void,
): RefObject<HTMLDivElement | null> {
  const host = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once
  useEffect(() => {
    if (!host.current) return
    const made = createCodeView({ ...options, parent: host.current })
    code.current = made
    begun(made)
    return () => made.destroy()
  }, [])
  return host
}

/** Blank lines, comments and the sign of a document in front of its first key. */
const PREAMBLE = /^(\s*(---[^\n]*|#[^\n]*)?\n)*/

/** Where an editor of `text` begins: the `line` that was asked for, from 1, as a whole; without one (0) the first key of the document. */
export function firstPlace(
  text: string,
  view: DocumentView | undefined,
  line: number,
): { readonly from: number; readonly to: number } {
  if (line > 0) {
    const starts = lineStarts(text)
    return { from: offsetOf(starts, text.length, line, 1), to: offsetOf(starts, text.length, line, 1_000) }
  }
  const begin = view?.from ?? 0
  const from = begin + (PREAMBLE.exec(text.slice(begin))?.[0].length ?? 0)
  return { from, to: from }
}
