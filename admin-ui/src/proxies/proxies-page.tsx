import { Code, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconServerOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Proxy as MeshProxy } from '../api/schema.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { matchesWords } from '../parts/filters.ts'
import { FirstProxy } from '../parts/first-proxy.tsx'
import { proxyHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { NodeId } from '../parts/node-id.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { STATE_NAMES, StateBadge, StateMark } from '../parts/status.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { noticesOf, stateOf, TYPES, typeOf } from './types.ts'

export function ProxiesPage() {
  const { t } = useTranslation('proxies')
  const { t: common } = useTranslation()
  const { data, error, isPending, refetch } = useQuery(queries.proxies())
  const [view, change, choose] = useView({ q: '', state: '' })
  const query = useDeferredValue(view.q)
  const rows = useMemo(
    () =>
      (data ?? []).filter(
        (one) =>
          (view.state === '' || stateOf(one) === view.state) &&
          matchesWords(query, one.node, one.cluster, one.peer, one.locality, one.userAgent),
      ),
    [data, query, view.state],
  )
  const columns = useMemo((): readonly Column<MeshProxy>[] => {
    const states = TYPES.slice(0, 4).map(
      ([type]): Column<MeshProxy> => ({
        key: type,
        header: type.toUpperCase(),
        width: '52px',
        render: (row) => {
          const found = typeOf(row, type)
          return found ? <StateMark state={found.state} /> : <Text c="dimmed">–</Text>
        },
      }),
    )
    return [
      {
        key: 'node',
        header: t('node'),
        width: 'minmax(260px, 3fr)',
        render: ({ node }) => (
          <RowLink href={proxyHref(node)} title={node} aria-label={node}>
            <NodeId node={node} />
          </RowLink>
        ),
      },
      { key: 'state', header: t('state'), width: '150px', render: (row) => <State proxy={row} /> },
      ...states,
      { key: 'mode', header: t('mode'), width: '70px', render: ({ mode }) => mode },
      {
        key: 'version',
        header: t('version'),
        width: 'minmax(110px, 1fr)',
        render: ({ userAgent }) => userAgent || '–',
      },
      {
        key: 'since',
        header: t('since'),
        width: '140px',
        render: ({ connected, connectedAt, disconnectedAt }) => <Time at={connected ? connectedAt : disconnectedAt} />,
      },
    ]
  }, [t])
  const states = useMemo(() => STATE_NAMES.map((value) => ({ value, label: common(`state.${value}`) })), [common])
  const clear = () => change({ q: '', state: '' })
  return (
    <Page title={t('title')} lead={data && t('lead', { count: rows.length, all: data.length })}>
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data?.length === 0 ? (
        <Empty icon={IconServerOff} title={t('none')}>
          <FirstProxy />
        </Empty>
      ) : (
        <Stack gap="sm">
          <FilterRow
            search={t('search')}
            view={view}
            onChoose={choose}
            filters={[{ name: 'state', label: t('state'), any: t('anyState'), options: states }]}
          >
            <Text size="xs" c="dimmed" ml="auto">
              <StateMark state="SYNCED" /> {common('state.SYNCED')} · <StateMark state="STALE" />{' '}
              {common('state.STALE')} · <StateMark state="NACK" /> {common('state.NACK')} · <Code>–</Code>{' '}
              {t('notAsked')}
            </Text>
          </FilterRow>
          {!isPending && (
            <VirtualTable
              label={t('title')}
              columns={columns}
              rows={rows}
              rowKey={({ node, connectedAt, peer }) => `${node} ${connectedAt} ${peer}`}
              empty={<NoMatch clear={clear} />}
            />
          )}
        </Stack>
      )}
    </Page>
  )
}

/** With a sign where the control plane has something to say about the proxy, which its page tells. */
function State({ proxy }: { readonly proxy: MeshProxy }) {
  const notices = noticesOf(proxy)
  const badge = <StateBadge state={stateOf(proxy)} />
  if (notices.length === 0) return badge
  const text = notices.join('\n')
  return (
    <Group gap={6} wrap="nowrap">
      {badge}
      <IconAlertTriangle size={17} role="img" aria-label={text} title={text} color="var(--mantine-color-yellow-6)" />
    </Group>
  )
}
