import '@xyflow/react/dist/style.css'
import { ActionIcon, Group, Text, Tooltip, useComputedColorScheme } from '@mantine/core'
import { IconDoorEnter, IconFocus2, IconFolder, IconQuestionMark, IconStack2, IconUser } from '@tabler/icons-react'
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { serviceHref } from '../parts/hrefs.ts'
import { RouterLink } from '../parts/link.tsx'
import { TopicBadges } from '../parts/topics.tsx'
import type { Graph, GraphNode } from './graph.ts'
import { NODE_HEIGHT, NODE_WIDTH, placesOf } from './layout.ts'
import styles from './picture.module.css'

type Box = Node<
  { readonly node: GraphNode; readonly open: (namespace: string) => void; readonly around: (id: string) => void },
  'box'
>

/** Smaller, names cannot be read; what does not fit is moved to, or found in the small map. */
const LEAST_ZOOM = 0.65
const MAP_FROM = 24

const ICONS = { service: IconStack2, gateway: IconDoorEnter, host: IconQuestionMark, workload: IconUser } as const
const TYPES = { box: BoxView }

export interface PictureProps {
  readonly graph: Graph
  /** A namespace was chosen, to be shown alone. */
  readonly onNamespace: (namespace: string) => void
  /** A node was chosen, to be shown with its neighbours. */
  readonly onAround: (id: string) => void
}

/** The graph drawn: boxes are links to services. Edges of rules are drawn whole, those only seen in traffic dashed. */
export function Picture({ graph, onNamespace, onAround }: PictureProps) {
  const { t } = useTranslation('topology')
  const scheme = useComputedColorScheme('light')
  const many = graph.nodes.length >= MAP_FROM
  const nodes = useMemo((): Box[] => {
    const places = placesOf(graph)
    return graph.nodes.map((node) => ({
      id: node.id,
      type: 'box',
      position: places.get(node.id)!,
      data: { node, open: onNamespace, around: onAround },
      width: NODE_WIDTH,
      height: NODE_HEIGHT,
    }))
  }, [graph, onNamespace, onAround])
  const edges = useMemo(
    () =>
      graph.edges.map(({ from, to, configured, issued, failed = 0 }) => ({
        id: `${from} ${to}`,
        source: from,
        target: to,
        ...(issued === undefined
          ? {}
          : { label: `${issued.toLocaleString()}${failed > 0 ? ` (${t('failedOf', { failed })})` : ''}` }),
        markerEnd: { type: MarkerType.ArrowClosed },
        style: {
          strokeWidth: 1.6,
          ...(configured ? {} : { strokeDasharray: '5 4' }),
          ...(failed > 0 ? { stroke: 'var(--mantine-color-red-6)' } : {}),
        },
      })),
    [graph, t],
  )
  return (
    <section className={styles['frame']} aria-label={t('title')}>
      <ReactFlow
        // Another graph is another picture, looked at as a whole.
        key={graph.nodes.map(({ id }) => id).join(' ')}
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode={scheme}
        fitView
        fitViewOptions={{ minZoom: many ? LEAST_ZOOM : 0.05, maxZoom: 1.1, padding: 0.08 }}
        minZoom={0.05}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        deleteKeyCode={null}
        onlyRenderVisibleElements
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} />
        <Controls showInteractive={false} fitViewOptions={{ padding: 0.04 }} />
        {many && <MiniMap pannable zoomable ariaLabel={t('map')} />}
      </ReactFlow>
    </section>
  )
}

function BoxView({ data: { node, open, around } }: NodeProps<Box>) {
  const { t } = useTranslation('topology')
  const { id, kind, name, namespace, endpoints, policies, members } = node
  const Icon = members === undefined ? ICONS[kind] : IconFolder
  const short = name.endsWith('.svc.cluster.local') ? name.slice(0, name.indexOf('.')) : name
  const content = (
    <>
      <Group gap={6} wrap="nowrap">
        <Icon size={15} stroke={1.6} aria-hidden />
        <Text size="sm" fw={600} truncate title={name}>
          {short}
        </Text>
      </Group>
      <Group gap={6} wrap="nowrap" justify="space-between">
        <Text size="xs" c="dimmed" truncate>
          {members === undefined
            ? kind === 'service'
              ? `${namespace} · ${t('endpoints', { count: endpoints })}`
              : t(`kind.${kind}`)
            : t('members', { count: members })}
        </Text>
        <TopicBadges short topics={policies} />
      </Group>
    </>
  )
  return (
    <div className={`${styles['box']} ${styles[kind]}`}>
      <Handle type="target" position={Position.Left} className={styles['handle'] ?? ''} />
      {members !== undefined ? (
        <button type="button" className={styles['inner']} onClick={() => open(namespace)}>
          {content}
        </button>
      ) : kind === 'service' ? (
        <RouterLink href={serviceHref(namespace, name)} className={styles['inner']}>
          {content}
        </RouterLink>
      ) : (
        <div className={styles['inner']}>{content}</div>
      )}
      {members === undefined && (
        <Tooltip label={t('around')}>
          <ActionIcon
            className={styles['focus'] ?? ''}
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={t('aroundOf', { name: short })}
            onClick={() => around(id)}
          >
            <IconFocus2 size={14} />
          </ActionIcon>
        </Tooltip>
      )}
      <Handle type="source" position={Position.Right} className={styles['handle'] ?? ''} />
    </div>
  )
}
