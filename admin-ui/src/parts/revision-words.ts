import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'
import { expiryReason } from './expiry-reason.ts'
import { dateTime } from './time-text.ts'

/** The reason that the control plane gives its first revision, and the name it gives who edits files. */
const [FIRST, BY_HAND] = ['first reading', 'files']

/** Reason and author of a revision, in the language of the page where the control plane wrote them itself. */
export function useRevisionWords(): {
  readonly why: (one: Pick<Revision, 'why' | 'source'>) => string
  readonly who: (one: Pick<Revision, 'who' | 'source'>) => string
} {
  const { t, i18n } = useTranslation()
  return useMemo(
    () => ({
      why: ({ why, source }) => {
        if (source === 'files' && why === FIRST) return t('revision.first')
        const expiry = source === 'expiry' ? expiryReason(why) : undefined
        if (expiry?.state === 'counted')
          return t('revision.counted', { object: expiry.object, at: dateTime(expiry.at, i18n.language, undefined) })
        return expiry ? t('revision.ended', { object: expiry.object }) : why
      },
      who: ({ who, source }) => {
        if (source === 'files' && who === BY_HAND) return t('revision.byHand')
        return source === 'expiry' ? t('revision.expiry') : who
      },
    }),
    [t, i18n.language],
  )
}
