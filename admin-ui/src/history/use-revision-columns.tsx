import { Checkbox, Group, Text } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'
import type { Column } from '../parts/virtual-table.tsx'
import { filesOf, isUndoable } from './marks.ts'
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
        header: t('compare'),
        unseen: true,
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
      { key: 'source', header: t('source'), width: '136px', render: ({ source }) => <SourceBadge source={source} /> },
      { key: 'who', header: t('who'), width: 'minmax(140px, 1fr)', render: words.who },
      {
        key: 'files',
        header: t('files'),
        width: 'minmax(110px, 1.4fr)',
        render: (one) => <Files files={one.files} />,
      },
      { key: 'at', header: t('at'), width: '128px', render: ({ at }) => <Time at={at} /> },
      {
        key: 'undo',
        header: t('undo'),
        unseen: true,
        width: '84px',
        right: true,
        render: ({ id }) =>
          mayEdit && isUndoable({ id }) && <RollbackButton step={{ undo: id }} head={head ?? id} compact />,
      },
    ],
    [t, words, marked, onMark, mayEdit, head],
  )
}

/** The first file, as much of it as there is room for, and how many more. */
function Files({ files }: Pick<Revision, 'files'>) {
  const { first, more } = filesOf({ files })
  return (
    <Group gap={4} wrap="nowrap" title={files.map(({ file }) => file).join('\n')}>
      <Text inherit truncate>
        {first}
      </Text>
      {more > 0 && <span>+{more}</span>}
    </Group>
  )
}
