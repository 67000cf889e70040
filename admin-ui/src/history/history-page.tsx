import { Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconGitCompare, IconHistory } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useDeferredValue, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Revision } from '../api/schema.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterSelect } from '../parts/filter-select.tsx'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { RollbackButton } from './rollback.tsx'
import { SOURCES, SourceBadge } from './source.tsx'

/** The ledger: every step of the configuration, newest first. */
export function HistoryPage() {
  const { t } = useTranslation('history')
  const router = useRouter()
  const mayEdit = useMayEdit()
  const words = useRevisionWords()
  const [view, change, choose] = useView({ source: '', who: '', file: '' })
  const filters = useDeferredValue(view)
  const { data, error, fetchNextPage, hasNextPage, isFetching } = useInfiniteQuery(queries.ledger(filters))
  const [marked, setMarked] = useState<readonly number[]>([])
  const rows = useMemo(() => data?.pages.flat() ?? [], [data])
  const head = rows[0]?.id
  const sources = useMemo(() => SOURCES.map((value) => ({ value, label: t(`source.${value}`) })), [t])
  const clear = () => change({ source: '', who: '', file: '' })
  const filtered = view.source !== '' || view.who !== '' || view.file !== ''
  const columns = useMemo(
    (): readonly Column<Revision>[] => [
      {
        key: 'mark',
        header: '',
        width: '40px',
        render: ({ id }) => (
          <Checkbox
            size="xs"
            aria-label={t('mark', { id })}
            checked={marked.includes(id)}
            onChange={(event) =>
              setMarked(event.currentTarget.checked ? [...marked, id].slice(-2) : marked.filter((one) => one !== id))
            }
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
    [t, words, marked, mayEdit, head],
  )
  const [a, b] = [...marked].sort((one, other) => one - other)
  const compare = a !== undefined && b !== undefined
  return (
    <Page
      title={t('title')}
      lead={t('lead')}
      actions={
        <Button
          variant="default"
          leftSection={<IconGitCompare size={16} />}
          disabled={!compare}
          title={compare ? undefined : t('compareHint')}
          onClick={() => router.history.push(`/changes/compare?from=${a}&to=${b}`)}
        >
          {compare ? t('compareTwo', { from: a, to: b }) : t('compareHint')}
        </Button>
      }
    >
      {error && <ProblemAlert error={error} />}
      <Stack gap="sm">
        <Group gap="sm">
          <TextInput
            data-search
            aria-label={t('file')}
            placeholder={t('filePlaceholder')}
            w={240}
            value={view.file}
            onChange={(event) => change({ file: event.currentTarget.value })}
          />
          <TextInput
            aria-label={t('who')}
            placeholder={t('who')}
            w={160}
            value={view.who}
            onChange={(event) => change({ who: event.currentTarget.value })}
          />
          <FilterSelect
            name="source"
            label={t('source')}
            any={t('anySource')}
            options={sources}
            value={view.source}
            onChoose={choose}
          />
        </Group>
        {data && (
          <VirtualTable
            label={t('title')}
            columns={columns}
            rows={rows}
            rowKey={({ id }) => String(id)}
            empty={
              filtered ? (
                <NoMatch clear={clear} />
              ) : (
                <Empty icon={IconHistory} title={t('none')}>
                  {t('noneHint')}
                </Empty>
              )
            }
          />
        )}
        {hasNextPage && (
          <Button variant="default" loading={isFetching} onClick={() => void fetchNextPage()}>
            {t('older')}
          </Button>
        )}
        {rows.length > 0 && (
          <Text size="xs" c="dimmed">
            {t('undoHint')}
          </Text>
        )}
      </Stack>
    </Page>
  )
}
