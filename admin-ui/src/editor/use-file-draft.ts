import { notifications } from '@mantine/notifications'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Draft, isBehind, storing } from '../change/drafts.ts'
import { drafts, useDrafts } from '../change/use-drafts.ts'
import { fromOtherTab, storedText } from './other-tab.ts'

const SAVE_MS = 200

/** The file as it is in the configuration; undefined for one that is not there yet. */
export type CurrentFile = { readonly text: string | undefined; readonly revision: number; readonly path: string }

/** What a file was when it was opened: its draft, or else the configuration. */
export function useStartedDraft(file: string, current: CurrentFile | undefined): Draft {
  const known = drafts.get(file)
  const started = useRef<Draft>(
    known?.text !== undefined
      ? known
      : {
          file,
          base: current?.revision ?? 0,
          baseText: current?.text,
          text: current?.text ?? '',
          savedAt: 0,
        },
  )
  return started.current
}

/** The file as an editor has it. */
export interface EditedFile {
  /** As the page knows it. */
  readonly raw: string
  /** With what was typed since. */
  readonly now: () => string
  /** Takes another text. */
  readonly follow: (text: string) => void
}

export interface FileDraft {
  /** What is kept of the file; undefined where nothing was changed. */
  readonly draft: Draft | undefined
  /** What the changes are made to. */
  readonly base: Pick<Draft, 'base' | 'baseText'>
  readonly setBase: (base: Pick<Draft, 'base' | 'baseText'>) => void
  readonly changed: boolean
  /** The configuration moved on under the changes. */
  readonly behind: boolean
  /** The text of the editor is given up: nothing of it is kept any more. */
  readonly leave: () => void
}

/**
 * Keeps the text of a file as a draft, a moment after each change and at once when the page goes. Where nothing is changed, `follow` gets the
 * text of the configuration whenever that moves on; where another tab writes the draft, it gets that.
 */
export function useFileDraft(
  started: Draft,
  { raw, now, follow }: EditedFile,
  current: CurrentFile | undefined,
  mayEdit: boolean,
): FileDraft {
  const { t } = useTranslation('editor')
  const { file } = started
  const draft = useDrafts().find((one) => one.file === file)
  const [base, setBase] = useState<Pick<Draft, 'base' | 'baseText'>>(started)
  const changed = raw !== base.baseText
  const editor = useRef({ now, follow })
  editor.current = { now, follow }
  const kept = useRef(started.text ?? '')
  const left = useRef(false)
  const leave = useCallback(() => {
    left.current = true
  }, [])

  // Before the draft is kept below: what another tab wrote meanwhile is not written over.
  useEffect(() => {
    const text = editor.current.now()
    const what = fromOtherTab({ kept: kept.current, now: text, draft, baseText: base.baseText })
    const stored = storedText(draft, base.baseText) ?? kept.current
    kept.current = stored
    if (what === 'none') return
    if (draft) setBase({ base: draft.base, baseText: draft.baseText })
    if (what === 'follow') editor.current.follow(stored)
    else if (draft) drafts.put({ ...draft, text, before: stored, savedAt: Date.now() })
  }, [draft, base.baseText])

  const currentText = current?.text
  const currentRevision = current?.revision
  useEffect(() => {
    if (currentRevision === undefined || currentText === undefined || currentText === base.baseText) return
    if (changed || editor.current.now() !== base.baseText) return
    setBase({ base: currentRevision, baseText: currentText })
    editor.current.follow(currentText)
  }, [currentText, currentRevision, base.baseText, changed])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a text that followed is the reason to keep it
  useEffect(() => {
    const save = () => {
      const text = editor.current.now()
      const next: Draft = { file, base: base.base, baseText: base.baseText, text, savedAt: Date.now() }
      const known = drafts.get(file)
      const what = left.current ? 'leave' : storing(next, known)
      if (what === 'leave') return
      kept.current = text
      if (what === 'drop') drafts.drop(file)
      else if (!drafts.put({ ...next, ...(known?.before === undefined ? {} : { before: known.before }) }))
        notifications.show({ id: 'room', color: 'yellow', message: t('draft.noRoom') })
    }
    if (!mayEdit) return
    const timer = setTimeout(save, SAVE_MS)
    globalThis.addEventListener('pagehide', save)
    return () => {
      clearTimeout(timer)
      globalThis.removeEventListener('pagehide', save)
      save()
    }
  }, [file, base, raw, mayEdit, t])
  const behind = changed && draft !== undefined && isBehind({ ...draft, ...base }, currentText)
  return { draft, base, setBase, changed, behind, leave }
}
