import { notifications } from '@mantine/notifications'
import { type RefObject, useState } from 'react'
import type { FormEdit } from '../forms/edits.ts'
import { problemText } from '../parts/problem.tsx'
import { edit, type Sharing, YamlEditError } from '../yaml/index.ts'
import type { CodeView } from './code-view.ts'

export interface FormEdits {
  /** Writes edits of a document into the text, as changes of its history. What could not be done is told. */
  readonly apply: (edits: readonly FormEdit[]) => void
  /** Whether edits wait for an answer: they hit a value that several places share. */
  readonly asking: boolean
  /** Makes the edits that wait so; without an answer they are given up. */
  readonly answer: (how?: Sharing) => void
}

/** The way from a form of the document at `document` (its place in the text) into the text. */
export function useFormEdits(code: RefObject<CodeView | undefined>, document: number): FormEdits {
  const [waiting, setWaiting] = useState<readonly FormEdit[] | undefined>(undefined)
  const write = (edits: readonly FormEdit[], how?: Sharing) => {
    if (edits.length === 0 || !code.current) return
    try {
      const numbered = edits.map((one) => ({ ...one, document }))
      const result = edit(code.current.text(), numbered, how ? { sharing: how } : {})
      code.current.change(result.changes)
      const told = result.reports.filter(({ code: what }) => what === 'rerendered')
      if (told.length > 0)
        notifications.show({ color: 'yellow', message: told.map(({ message }) => message).join('; ') })
    } catch (problem) {
      if (!(problem instanceof YamlEditError)) throw problem
      if (problem.code === 'SHARED') setWaiting(edits)
      else notifications.show({ color: 'red', message: problemText(problem) })
    }
  }
  return {
    apply: (edits) => write(edits),
    asking: waiting !== undefined,
    answer: (how) => {
      setWaiting(undefined)
      if (waiting && how) write(waiting, how)
    },
  }
}
