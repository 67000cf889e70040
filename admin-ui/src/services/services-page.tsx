import { Stack, Text } from '@mantine/core'
import { IconStack2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Service, ServiceFigures } from '../api/schema.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { matchesWords } from '../parts/filters.ts'
import { serviceHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { TOPICS, type Topic, TopicBadges } from '../parts/topics.tsx'
import { failedShare, milliseconds, perSecond } from '../parts/traffic-text.ts'
import { useView } from '../parts/view.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { inOrder, ORDERS } from './order.ts'
import { figuresFrom } from './traffic.ts'

export function ServicesPage() {
  const { t } = useTranslation('services')
  const { t: common } = useTranslation()
  const { t: change } = useTranslation('change')
  const { data, error, refetch } = useQuery(queries.services())
  const { data: policies } = useQuery(queries.policies())
  const { data: figures } = useQuery(queries.figures())
  const [view, setView, choose] = useView({ q: '', ns: '', topic: '', by: '' })
  const query = useDeferredValue(view.q)
  const topics = useMemo(() => {
    const found = new Map<string, Set<Topic>>()
    for (const { topic, services } of policies ?? [])
      for (const host of services) found.set(host, (found.get(host) ?? new Set()).add(topic))
    return found
  }, [policies])
  const traffic = useMemo(() => new Map(figures?.services.map((one) => [one.hostname, one])), [figures])
  const seconds = figures?.seconds ?? 0
  const namespaces = useMemo(() => [...new Set((data ?? []).map(({ namespace }) => namespace))].sort(), [data])
  const found = useMemo(
    () =>
      (data ?? []).filter(
        ({ hostname, namespace, ports }) =>
          (view.ns === '' || namespace === view.ns) &&
          (view.topic === '' || topics.get(hostname)?.has(view.topic as Topic)) &&
          matchesWords(query, hostname, namespace, ...ports.map(({ protocol }) => protocol)),
      ),
    [data, query, view.ns, view.topic, topics],
  )
  const rows = useMemo(() => inOrder(found, view.by, traffic), [found, view.by, traffic])
  const columns = useMemo(
    (): readonly Column<Service>[] => [
      {
        key: 'hostname',
        header: t('service'),
        width: 'minmax(260px, 4fr)',
        render: ({ hostname, namespace }) => (
          <RowLink href={serviceHref(namespace, hostname)} title={hostname}>
            {hostname}
          </RowLink>
        ),
      },
      { key: 'namespace', header: t('namespace'), width: '120px', render: ({ namespace }) => namespace },
      {
        key: 'ports',
        header: t('ports'),
        width: 'minmax(90px, 1fr)',
        render: ({ ports }) => ports.map(({ number, protocol }) => `${number} ${protocol}`).join(', '),
      },
      {
        key: 'endpoints',
        header: t('endpoints'),
        width: '100px',
        right: true,
        render: ({ ports, endpointsKnown }) =>
          endpointsKnown ? Math.max(0, ...ports.map(({ endpoints }) => endpoints.length)) : t('notAsked'),
      },
      ...(
        [
          ['rate', (one: ServiceFigures) => perSecond({ ...one, seconds })],
          ['failed', failedShare],
          ['p99', (one: ServiceFigures) => milliseconds(one.p99Ms)],
        ] as const
      ).map(
        ([name, text]): Column<Service> => ({
          key: name,
          header: change(`figures.${name}`),
          width: '90px',
          right: true,
          render: ({ hostname }) => {
            const one = traffic.get(hostname)
            return one ? text(one) : '–'
          },
        }),
      ),
      {
        key: 'policies',
        header: t('policies'),
        width: 'minmax(110px, 1fr)',
        render: ({ hostname }) => <TopicBadges short topics={[...(topics.get(hostname) ?? [])]} />,
      },
    ],
    [t, change, topics, traffic, seconds],
  )
  const topicOptions = useMemo(
    () => Object.keys(TOPICS).map((value) => ({ value, label: common(`topic.${value as Topic}`) })),
    [common],
  )
  const orderOptions = useMemo(() => ORDERS.map((value) => ({ value, label: t(`order.${value}`) })), [t])
  const clear = () => setView({ q: '', ns: '', topic: '' })
  return (
    <Page title={t('title')} lead={data && t('lead', { count: data.length })}>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data?.length === 0 ? (
        <Empty icon={IconStack2} title={t('none')}>
          {t('noneHint')}
        </Empty>
      ) : (
        <Stack gap="sm">
          <FilterRow
            search={t('search')}
            view={view}
            onChoose={choose}
            filters={[
              { name: 'ns', label: t('namespace'), any: t('anyNamespace'), options: namespaces },
              { name: 'topic', label: t('policies'), any: t('anyPolicy'), options: topicOptions },
              { name: 'by', label: t('order'), any: t('order.name'), options: orderOptions },
            ]}
          >
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
              empty={<NoMatch clear={clear} />}
            />
          )}
        </Stack>
      )}
    </Page>
  )
}
