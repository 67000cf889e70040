import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconGitCompare, IconHistory } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useCallback, useDeferredValue, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterSelect } from '../parts/filter-select.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { comparedTwo, markedTwo } from './marks.ts'
import { SOURCES } from './source.tsx'
import { useRevisionColumns } from './use-revision-columns.tsx'

/** The ledger: every step of the configuration, newest first. */
export function HistoryPage() {
  const { t } = useTranslation('history')
  const router = useRouter()
  const [view, change, choose] = useView({ source: '', who: '', file: '' })
  const filters = useDeferredValue(view)
  const { data, error, fetchNextPage, hasNextPage, isFetching } = useInfiniteQuery(queries.ledger(filters))
  const [marked, setMarked] = useState<readonly number[]>([])
  const mark = useCallback((id: number, on: boolean) => setMarked((before) => markedTwo(before, id, on)), [])
  const rows = useMemo(() => data?.pages.flat() ?? [], [data])
  const head = rows[0]?.id
  const sources = useMemo(() => SOURCES.map((value) => ({ value, label: t(`source.${value}`) })), [t])
  const clear = () => change({ source: '', who: '', file: '' })
  const filtered = view.source !== '' || view.who !== '' || view.file !== ''
  const columns = useRevisionColumns(head, marked, mark)
  const compare = comparedTwo(marked)
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
          onClick={() => compare && router.history.push(`/changes/compare?from=${compare.from}&to=${compare.to}`)}
        >
          {compare ? t('compareTwo', compare) : t('compareHint')}
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
