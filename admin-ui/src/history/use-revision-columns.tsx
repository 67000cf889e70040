import { Checkbox } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'
import type { Column } from '../parts/virtual-table.tsx'
import { RollbackButton } from './rollback.tsx'
import { SourceBadge } from './source.tsx'

/**
 * The columns of the ledger.
 * @param head the newest revision, once it is known
 * @param marked those to compare
 * @param onMark must stay the same function
 */
export function useRevisionColumns(
  head: number | undefined,
  marked: readonly number[],
  onMark: (revision: number, on: boolean) => void,
): readonly Column<Revision>[] {
  const { t } = useTranslation('history')
  const mayEdit = useMayEdit()
  const words = useRevisionWords()
  return useMemo(
    () => [
      {
        key: 'mark',
        header: '',
        width: '40px',
        render: ({ id }) => (
          <Checkbox
            size="xs"
            aria-label={t('mark', { id })}
            checked={marked.includes(id)}
            onChange={({ currentTarget }) => onMark(id, currentTarget.checked)}
          />
        ),
      },
      {
        key: 'id',
        header: t('revision'),
        width: '76px',
        render: ({ id }) => (
          <AppLink href={revisionHref(id)} size="sm" fw={600} ff="monospace">
            {id}
          </AppLink>
        ),
      },
      {
        key: 'why',
        header: t('why'),
        width: 'minmax(220px, 3fr)',
        render: ({ id, refers, ...one }) => (
          <AppLink href={revisionHref(id)} size="sm" c="inherit" title={one.why}>
            {words.why(one) || t('noReason')}
            {refers !== undefined && ` (${t('refers', { id: refers })})`}
          </AppLink>
        ),
      },
      { key: 'source', header: t('source'), width: '112px', render: ({ source }) => <SourceBadge source={source} /> },
      { key: 'who', header: t('who'), width: 'minmax(140px, 1fr)', render: words.who },
      {
        key: 'files',
        header: t('files'),
        width: 'minmax(110px, 1.4fr)',
        render: ({ files }) => (
          <span title={files.map(({ file }) => file).join('\n')}>
            {files[0]?.file}
            {files.length > 1 && ` +${files.length - 1}`}
          </span>
        ),
      },
      { key: 'at', header: t('at'), width: '128px', render: ({ at }) => <Time at={at} /> },
      {
        key: 'undo',
        header: '',
        width: '84px',
        right: true,
        render: ({ id }) => mayEdit && id !== 1 && <RollbackButton step={{ undo: id }} head={head ?? id} compact />,
      },
    ],
    [t, words, marked, onMark, mayEdit, head],
  )
}
