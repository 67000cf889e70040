import { CloseButton, Group, Paper, Text, Title } from '@mantine/core'
import { IconArrowDown } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Facts } from '../parts/facts.tsx'
import { FailedText } from '../parts/failed-text.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { DocumentLink } from '../parts/place.tsx'
import { TopicBadges } from '../parts/topics.tsx'
import { milliseconds, rateText } from '../parts/traffic-text.ts'
import type { GraphEdge, GraphNode } from './model.ts'
import styles from './topology-page.module.css'

export interface CallPanelProps {
  readonly edge: GraphEdge
  /** Of the picture. */
  readonly nodes: readonly GraphNode[]
  readonly onClose: () => void
}

/** What is known of one call: how much, how it fails, how long it takes, and which rule says so. */
export function CallPanel({ edge, nodes, onClose }: CallPanelProps) {
  const { t } = useTranslation('topology')
  const { traffic, issued, failed, document, configured } = edge
  const callee = nodes.find(({ id }) => id === edge.to)
  const none = t('unknown')
  const time = (ms: number | undefined) => (ms === undefined ? none : milliseconds(ms))
  return (
    <Paper withBorder p="sm" className={styles['panel'] ?? ''} component="aside" aria-label={t('call')} data-call>
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb={4}>
        <Title order={2} fz="sm">
          {t('call')}
        </Title>
        <CloseButton aria-label={t('closeCall')} onClick={onClose} />
      </Group>
      <End node={nodes.find(({ id }) => id === edge.from)} id={edge.from} />
      <IconArrowDown size={14} aria-hidden />
      <End node={callee} id={edge.to} />
      <Facts
        facts={[
          [t('rate'), traffic ? rateText(traffic.rate) : none],
          [t('failed'), traffic ? <FailedText key="failed" {...traffic} /> : none],
          [t('label.p50'), time(traffic?.p50Ms)],
          [t('label.p95'), time(traffic?.p95Ms)],
          [t('label.p99'), time(traffic?.p99Ms)],
          [t('requests'), issued === undefined ? none : t('inAll', { count: issued, failed: failed ?? 0 })],
          [
            t('policies'),
            callee && callee.policies.length > 0 && <TopicBadges short key="of" topics={callee.policies} />,
          ],
          [
            t('rule'),
            document ? <DocumentLink key="rule" document={document} /> : t(configured ? 'byRules' : 'noRule'),
          ],
        ]}
      />
    </Paper>
  )
}

/** One end of a call: a service leads to what its traffic does. */
function End({ node, id }: { readonly node: GraphNode | undefined; readonly id: string }) {
  const { t } = useTranslation('topology')
  if (node?.kind === 'service' && node.members === undefined)
    return (
      <AppLink href={serviceHref(node.namespace, node.name, 'traffic')} size="sm" display="block">
        {node.name}
      </AppLink>
    )
  return (
    <Text size="sm">
      {node?.name ?? id}
      {node && node.members === undefined && ` (${t(`kind.${node.kind}`)})`}
    </Text>
  )
}
