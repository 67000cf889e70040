import { Text } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { TopologyEdge } from '../api/schema.ts'
import { serviceHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { DocumentLink } from '../parts/place.tsx'
import { TopicBadges } from '../parts/topics.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import type { Graph } from './graph.ts'

/** The edges of the picture as rows. */
export function TopologyTable({ graph }: { readonly graph: Graph }) {
  const { t } = useTranslation('topology')
  const columns = useMemo((): readonly Column<TopologyEdge>[] => {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
    const end = (id: string) => {
      const node = nodes.get(id)
      if (!node) return id
      if (node.members !== undefined) return `${node.name} (${t('members', { count: node.members })})`
      if (node.kind !== 'service') return `${node.name} (${t(`kind.${node.kind}`)})`
      return <RowLink href={serviceHref(node.namespace, node.name)}>{node.name}</RowLink>
    }
    return [
      { key: 'from', header: t('from'), width: 'minmax(200px, 3fr)', render: ({ from }) => end(from) },
      { key: 'to', header: t('to'), width: 'minmax(200px, 3fr)', render: ({ to }) => end(to) },
      {
        key: 'issued',
        header: t('requests'),
        width: '80px',
        right: true,
        render: ({ issued }) => issued?.toLocaleString() ?? t('unknown'),
      },
      {
        key: 'failed',
        header: t('failed'),
        width: '76px',
        right: true,
        render: ({ failed }) => failed?.toLocaleString() ?? '–',
      },
      {
        key: 'policies',
        header: t('policies'),
        width: '104px',
        render: ({ to }) => <TopicBadges short topics={nodes.get(to)?.policies ?? []} />,
      },
      {
        key: 'document',
        header: t('rule'),
        width: 'minmax(150px, 2fr)',
        render: ({ document, configured }) =>
          document ? <DocumentLink document={document} /> : t(configured ? 'byRules' : 'noRule'),
      },
    ]
  }, [t, graph])
  return (
    <VirtualTable
      label={t('title')}
      columns={columns}
      rows={graph.edges}
      rowKey={({ from, to }) => `${from} ${to}`}
      empty={<Text c="dimmed">{t('noEdges')}</Text>}
    />
  )
}
