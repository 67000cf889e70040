import { Text } from '@mantine/core'
import { IconFocus2 } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { FailedText } from '../parts/failed-text.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { RowLink } from '../parts/link.tsx'
import { DocumentLink } from '../parts/place.tsx'
import { TopicBadges } from '../parts/topics.tsx'
import { milliseconds, rateText } from '../parts/traffic-text.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { type Graph, type GraphEdge, LABELS, percentile } from './model.ts'

/** The edges of the picture as rows: what is found first, then the busiest. */
export function TopologyTable({ graph }: { readonly graph: Graph }) {
  const { t } = useTranslation('topology')
  const columns = useMemo((): readonly Column<GraphEdge>[] => {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
    const isFound = ({ found, from, to }: GraphEdge) => found || nodes.get(from)?.found || nodes.get(to)?.found
    const end = (id: string) => {
      const node = nodes.get(id)
      if (!node) return id
      if (node.members !== undefined) return `${node.name} (${t('members', { count: node.members })})`
      if (node.kind !== 'service') return `${node.name} (${t(`kind.${node.kind}`)})`
      return <RowLink href={serviceHref(node.namespace, node.name)}>{node.name}</RowLink>
    }
    return [
      {
        key: 'from',
        header: t('from'),
        width: 'minmax(140px, 3fr)',
        render: (edge) => (
          <>
            {isFound(edge) && <IconFocus2 size={15} role="img" aria-label={t('isFound')} />} {end(edge.from)}
          </>
        ),
      },
      { key: 'to', header: t('to'), width: 'minmax(140px, 3fr)', render: ({ to }) => end(to) },
      {
        key: 'rate',
        header: t('rate'),
        width: '80px',
        right: true,
        render: ({ traffic }) => (traffic ? rateText(traffic.rate) : '–'),
      },
      {
        key: 'share',
        header: t('failed'),
        width: '76px',
        right: true,
        render: ({ traffic }) => (traffic ? <FailedText {...traffic} /> : '–'),
      },
      ...LABELS.filter((label) => label !== 'rate').map(
        (label): Column<GraphEdge> => ({
          key: label,
          header: t(`label.${label}`),
          width: '78px',
          right: true,
          render: ({ traffic }) => milliseconds(percentile(label, traffic)),
        }),
      ),
      {
        key: 'issued',
        header: t('requests'),
        width: '88px',
        right: true,
        render: ({ issued }) => issued?.toLocaleString() ?? t('unknown'),
      },
      {
        key: 'policies',
        header: t('policies'),
        width: '84px',
        render: ({ to }) => <TopicBadges short topics={nodes.get(to)?.policies ?? []} />,
      },
      {
        key: 'document',
        header: t('rule'),
        width: 'minmax(120px, 2fr)',
        render: ({ document, configured }) =>
          document ? <DocumentLink document={document} /> : t(configured ? 'byRules' : 'noRule'),
      },
    ]
  }, [t, graph])
  const rows = useMemo(() => {
    const found = new Set(graph.nodes.flatMap(({ id, found }) => (found ? [id] : [])))
    const rank = (edge: GraphEdge) => (edge.found || found.has(edge.from) || found.has(edge.to) ? 1 : 0)
    return [...graph.edges].sort((a, b) => rank(b) - rank(a) || (b.traffic?.rate ?? 0) - (a.traffic?.rate ?? 0))
  }, [graph])
  return (
    <VirtualTable
      label={t('title')}
      columns={columns}
      rows={rows}
      rowKey={({ from, to }) => `${from} ${to}`}
      empty={<Text c="dimmed">{t('noEdges')}</Text>}
    />
  )
}
