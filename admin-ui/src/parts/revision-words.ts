import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'

/** The reason that the control plane gives its first revision, and the name it gives who edits files. */
const [FIRST, BY_HAND] = ['first reading', 'files']

/** Reason and author of a revision, in the language of the page where the control plane wrote them itself. */
export function useRevisionWords(): {
  readonly why: (one: Pick<Revision, 'why' | 'source'>) => string
  readonly who: (one: Pick<Revision, 'who' | 'source'>) => string
} {
  const { t } = useTranslation()
  return useMemo(
    () => ({
      why: ({ why, source }) => (source === 'files' && why === FIRST ? t('revision.first') : why),
      who: ({ who, source }) => (source === 'files' && who === BY_HAND ? t('revision.byHand') : who),
    }),
    [t],
  )
}
