import type { RefObject } from 'react'
import type { Path } from '../yaml/index.ts'
import type { CodeView } from './code-view.ts'
import { placeOf } from './documents-of-file.ts'
import type { useDocument } from './use-document.ts'

/** Ways to show where something stands in the text. */
export interface PlacesInText {
  /** Puts the cursor to a stretch that a person has to look at, with the text in sight. */
  readonly lookAt: (from: number, to?: number) => void
  /** Marks where a field stands. */
  readonly reveal: (at: Path) => void
  /** Puts the cursor to where a field stands. */
  readonly goTo: (at: Path) => void
  /** Scrolls to where a document begins. */
  readonly show: (document: number) => void
}

/** @param showText brings the text into sight where only the form is */
export function usePlacesInText(
  code: RefObject<CodeView | undefined>,
  opened: ReturnType<typeof useDocument>,
  document: number,
  showText: () => void,
): PlacesInText {
  const lookAt = (from: number, to = from) => {
    showText()
    code.current?.goTo(from, to)
  }
  return {
    lookAt,
    reveal: (at) => {
      const place = placeOf(opened.open, document, at)
      if (place) code.current?.reveal(place.from, place.to)
    },
    goTo: (at) => {
      const place = placeOf(opened.open, document, at)
      if (place) lookAt(place.from, place.to)
    },
    show: (next) => {
      const { from } = opened.open.span(next)
      code.current?.reveal(from, from)
    },
  }
}
