import { Skeleton, Stack, Text } from '@mantine/core'
import { IconFilePlus, IconFileText, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Rule } from '../api/schema.ts'
import { isChanged } from '../change/drafts.ts'
import { changeQueries } from '../change/queries.ts'
import { useDrafts } from '../change/use-drafts.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { shownRules } from './shown-rules.ts'
import { useRuleColumns } from './use-rule-columns.tsx'
import { WriteButton } from './write-button.tsx'

const DEFAULTS = { q: '', kind: '', ns: '', problems: '' }
const BROKEN_SHOWN = 20
const NONE: readonly Rule[] = []

/** Every object in force: what it is for, where it stands, what is wrong with it, who changed it. */
export function RulesPage() {
  const { t } = useTranslation('rules')
  const { data, error, refetch } = useQuery(changeQueries.rules())
  const [view, setView, choose] = useView(DEFAULTS)
  const { kind, ns, problems } = view
  const q = useDeferredValue(view.q)
  const drafts = useDrafts()
  const drafted = useMemo(() => new Set(drafts.filter(isChanged).map(({ file }) => file)), [drafts])
  const all = data?.rules ?? NONE
  const shown = useMemo(() => shownRules(all, { q, kind, ns, problems }), [all, q, kind, ns, problems])
  const columns = useRuleColumns(drafted)
  const filters = useFilters(all)
  return (
    <Page
      title={t('title')}
      lead={t('lead', { count: all.length })}
      actions={
        <>
          <WriteButton href="/rules/import" variant="default" icon={<IconUpload size={16} />} text={t('import')} />
          <WriteButton href="/rules/new" icon={<IconFilePlus size={16} />} text={t('new')} />
        </>
      }
    >
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data && data.broken.length > 0 && <Broken data={data.broken} />}
      {!data && !error && <Skeleton h={320} />}
      {data && all.length === 0 && data.broken.length === 0 && <NoRules />}
      {data && all.length + data.broken.length > 0 && (
        <Stack gap="sm">
          <FilterRow search={t('search')} view={view} onChoose={choose} filters={filters}>
            <Text size="sm" c="dimmed" className="number">
              {t('shown', { shown: shown.length, total: all.length })}
            </Text>
          </FilterRow>
          <VirtualTable
            label={t('title')}
            columns={columns}
            rows={shown}
            rowKey={({ key }) => key}
            empty={<NoMatch clear={() => setView(DEFAULTS)} />}
          />
        </Stack>
      )}
    </Page>
  )
}

/** What one can choose above the list. */
function useFilters(all: readonly Rule[]) {
  const { t } = useTranslation('rules')
  return useMemo(() => {
    const named = (of: (one: Rule) => string) => [...new Set(all.map(of))].sort()
    const problems = [
      { value: 'errors', label: t('filter.errors') },
      { value: 'all', label: t('filter.warnings') },
    ]
    return [
      { name: 'kind', label: t('column.kind'), any: t('filter.kind'), options: named(({ kind }) => kind) },
      { name: 'ns', label: t('column.namespace'), any: t('filter.namespace'), options: named((one) => one.namespace) },
      { name: 'problems', label: t('column.problems'), any: t('filter.problems'), options: problems },
    ] as const
  }, [all, t])
}

function NoRules() {
  const { t } = useTranslation('rules')
  return (
    <Empty icon={IconFileText} title={t('empty.title')}>
      <Stack align="center" gap="xs">
        {t('empty.lead')}
        <WriteButton href="/rules/new" text={t('new')} />
      </Stack>
    </Empty>
  )
}

/** Documents that are not in force: they have no row of their own. */
function Broken({ data }: { readonly data: readonly Parameters<typeof DiagnosticItem>[0]['diagnostic'][] }) {
  const { t } = useTranslation('rules')
  return (
    <Stack gap="sm" p="md" style={{ border: '1px solid var(--mantine-color-red-4)', borderRadius: 8 }} role="alert">
      <Text fw={600}>{t('broken', { count: data.length })}</Text>
      {data.slice(0, BROKEN_SHOWN).map((one) => (
        <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
      ))}
    </Stack>
  )
}
