import { notifications } from '@mantine/notifications'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Draft, isBehind, isChanged } from '../change/drafts.ts'
import { drafts, useDrafts } from '../change/use-drafts.ts'

const SAVE_MS = 200

/** The file as it is in the configuration; undefined for one that is not there yet. */
export type CurrentFile = { readonly text: string | undefined; readonly revision: number; readonly path: string }

/** What a file was when it was opened: its draft, or else the configuration. */
export function useStartedDraft(file: string, current: CurrentFile | undefined): Draft {
  const started = useRef<Draft>(
    drafts.get(file) ?? {
      file,
      base: current?.revision ?? 0,
      baseText: current?.text,
      text: current?.text ?? '',
      savedAt: 0,
    },
  )
  return started.current
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
}

/**
 * Keeps the text of a file as a draft, a moment after each change and at once when the page goes. Where nothing is changed, `follow` gets the
 * text of the configuration whenever that moves on.
 */
export function useFileDraft(
  started: Draft,
  raw: string,
  current: CurrentFile | undefined,
  mayEdit: boolean,
  follow: (text: string) => void,
): FileDraft {
  const { t } = useTranslation('editor')
  const { file } = started
  const draft = useDrafts().find((one) => one.file === file)
  const [base, setBase] = useState<Pick<Draft, 'base' | 'baseText'>>(started)
  const changed = raw !== base.baseText
  const following = useRef(follow)
  following.current = follow

  const currentText = current?.text
  const currentRevision = current?.revision
  useEffect(() => {
    if (currentRevision === undefined || currentText === undefined || currentText === base.baseText) return
    if (changed) return
    setBase({ base: currentRevision, baseText: currentText })
    following.current(currentText)
  }, [currentText, currentRevision, base.baseText, changed])

  useEffect(() => {
    const save = () => {
      const next: Draft = { file, base: base.base, baseText: base.baseText, text: raw, savedAt: Date.now() }
      const known = drafts.get(file)
      if (isChanged(next)) {
        if (known?.text !== raw || known.base !== base.base || known.baseText !== base.baseText) {
          const kept = drafts.put({ ...next, ...(known?.before === undefined ? {} : { before: known.before }) })
          if (!kept) notifications.show({ id: 'room', color: 'yellow', message: t('draft.noRoom') })
        }
      } else if (known) drafts.drop(file)
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
  return { draft, base, setBase, changed, behind }
}
