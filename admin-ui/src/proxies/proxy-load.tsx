import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import { queries } from '../api/queries.ts'
import type { ClusterLoad } from '../api/schema.ts'
import { explained } from '../i18n/explained.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

/** What a proxy sent where, by its own load reports; unknown where it reports none. */
export function ProxyLoad({ node }: { readonly node: string }) {
  const { t } = useTranslation('proxies')
  const { data, error } = useQuery(queries.proxyLoad(node))
  const columns = useMemo((): readonly Column<ClusterLoad>[] => {
    const count = (key: 'issued' | 'succeeded' | 'failed' | 'inProgress'): Column<ClusterLoad> => ({
      key,
      header: t(`load.${key}`),
      width: '110px',
      right: true,
      render: (row) => row[key].toLocaleString(),
    })
    return [
      { key: 'cluster', header: t('resource'), width: 'minmax(280px, 3fr)', render: ({ cluster }) => cluster },
      count('issued'),
      count('succeeded'),
      count('failed'),
      count('inProgress'),
      { key: 'used', header: t('load.used'), width: '150px', render: ({ lastUsedAt }) => <Time at={lastUsedAt} /> },
    ]
  }, [t])
  if (error instanceof ApiProblem && error.status === 404)
    return (
      <Text c="dimmed">
        {t('load.unknown')} {explained(error.code, error.message)}
      </Text>
    )
  if (error) return <ProblemAlert error={error} />
  return (
    <VirtualTable
      label={t('tab.traffic')}
      columns={columns}
      rows={data ?? []}
      rowKey={({ cluster }) => cluster}
      empty={<Text c="dimmed">{t('load.none')}</Text>}
    />
  )
}
