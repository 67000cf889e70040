import { Stack, Text } from '@mantine/core'
import { IconStack2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Service } from '../api/schema.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { TOPICS, type Topic } from '../parts/topics.tsx'
import { useView } from '../parts/view.ts'
import { VirtualTable } from '../parts/virtual-table.tsx'
import { byName, inOrder, ORDERS } from './order.ts'
import { shownServices, topicsByHost } from './shown-services.ts'
import { figuresFrom } from './traffic.ts'
import { useServiceColumns } from './use-service-columns.tsx'

const DEFAULTS = { q: '', ns: '', topic: '', by: '' }
const NONE: readonly Service[] = []

/** Every host of the registry, what it gets, and which policies it has. */
export function ServicesPage() {
  const { t } = useTranslation('services')
  const { data, error, refetch } = useQuery(queries.services())
  const { data: policies } = useQuery(queries.policies())
  const { data: figures } = useQuery(queries.figures())
  const [view, setView, choose] = useView(DEFAULTS)
  const { ns, topic, by } = view
  const q = useDeferredValue(view.q)
  const topics = useMemo(() => topicsByHost(policies ?? []), [policies])
  const traffic = useMemo(() => new Map(figures?.services.map((one) => [one.hostname, one])), [figures])
  const all = useMemo(() => byName(data ?? NONE), [data])
  const found = useMemo(() => shownServices(all, { q, ns, topic }, topics), [all, q, ns, topic, topics])
  const rows = useMemo(() => inOrder(found, by, traffic), [found, by, traffic])
  const columns = useServiceColumns(topics, traffic, figures?.seconds ?? 0)
  const filters = useFilters(all)
  return (
    <Page title={t('title')} lead={data && t('lead', { count: data.length })}>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data?.length === 0 ? (
        <Empty icon={IconStack2} title={t('none')}>
          {t('noneHint')}
        </Empty>
      ) : (
        <Stack gap="sm">
          <FilterRow search={t('search')} view={view} onChoose={choose} filters={filters}>
            <Text size="xs" c="dimmed" ml="auto">
              {figures && t(`recent.${figuresFrom(figures)}`, { count: figures.reading.length })}
            </Text>
          </FilterRow>
          {data && (
            <VirtualTable
              label={t('title')}
              columns={columns}
              rows={rows}
              rowKey={({ hostname, namespace }) => `${namespace}/${hostname}`}
              empty={<NoMatch clear={() => setView({ q: '', ns: '', topic: '' })} />}
            />
          )}
        </Stack>
      )}
    </Page>
  )
}

/** What one can choose above the list. */
function useFilters(services: readonly Service[]) {
  const { t } = useTranslation('services')
  const { t: common } = useTranslation()
  return useMemo(() => {
    const namespaces = [...new Set(services.map(({ namespace }) => namespace))].sort()
    const topics = Object.keys(TOPICS).map((value) => ({ value, label: common(`topic.${value as Topic}`) }))
    const orders = ORDERS.map((value) => ({ value, label: t(`order.${value}`) }))
    return [
      { name: 'ns', label: t('namespace'), any: t('anyNamespace'), options: namespaces },
      { name: 'topic', label: t('policies'), any: t('anyPolicy'), options: topics },
      { name: 'by', label: t('order'), any: t('order.name'), options: orders },
    ] as const
  }, [services, t, common])
}
