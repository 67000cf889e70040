import '@xyflow/react/dist/style.css'
import { ActionIcon, Group, Text, Tooltip, useComputedColorScheme } from '@mantine/core'
import {
  IconAlertTriangle,
  IconDoorEnter,
  IconFocus2,
  IconFolder,
  IconQuestionMark,
  IconStack2,
  IconUser,
} from '@tabler/icons-react'
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
  useReactFlow,
} from '@xyflow/react'
import { type FocusEvent, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Health, healthOf } from '../parts/health.ts'
import { serviceHref } from '../parts/hrefs.ts'
import { RouterLink } from '../parts/link.tsx'
import { TopicBadges } from '../parts/topics.tsx'
import { NODE_HEIGHT, NODE_WIDTH, rememberedPlaces } from './layout.ts'
import { callOf, type Graph, type GraphEdge, type GraphNode, type Label } from './model.ts'
import styles from './picture.module.css'
import { useTrafficWords } from './traffic-words.ts'

type Box = Node<
  { readonly node: GraphNode; readonly open: (namespace: string) => void; readonly around: (id: string) => void },
  'box'
>

/** Smaller, names cannot be read; what does not fit is moved to, or found in the small map. */
const LEAST_ZOOM = 0.65
const MAP_FROM = 24
/** Of larger graphs only what is in sight is in the page; Tab leads on as far as that goes, and moves it. */
const MOST_AT_ONCE = 60

const ICONS = { service: IconStack2, gateway: IconDoorEnter, host: IconQuestionMark, workload: IconUser } as const
const TYPES = { box: BoxView }
/** A line is thin: it is met from so many px away. */
const EDGES = { interactionWidth: 24 }
/** Of edges; the others have the colour of the scheme. */
const COLORS: Readonly<Partial<Record<Health, string>>> = {
  failing: 'var(--mantine-color-red-6)',
  degraded: 'var(--mantine-color-orange-6)',
}

export interface PictureProps {
  readonly graph: Graph
  /** What stands on calls. */
  readonly label: Label
  /** The call that is looked at, `<from> <to>`. */
  readonly call: string
  /** A call was chosen, to be looked at. */
  readonly onCall: (call: string) => void
  /** A namespace was chosen, to be shown alone. */
  readonly onNamespace: (namespace: string) => void
  /** A node was chosen, to be shown with its neighbours. */
  readonly onAround: (id: string) => void
}

/** The graph drawn: boxes are links to services. Edges of rules are drawn whole, those only seen in traffic dashed; a click tells more of one. */
export function Picture({ graph, label, call, onCall, onNamespace, onAround }: PictureProps) {
  const { t } = useTranslation('topology')
  const scheme = useComputedColorScheme('light')
  const many = graph.nodes.length >= MAP_FROM
  const say = useTrafficWords(label)
  const [placesOf] = useState(rememberedPlaces)
  const nodes = useMemo((): Box[] => {
    const places = placesOf(graph)
    // Tab follows the calls: from left to right, each layer from above.
    const inOrder = [...graph.nodes].sort((a, b) => {
      const [one, two] = [places.get(a.id)!, places.get(b.id)!]
      return one.x - two.x || one.y - two.y
    })
    return inOrder.map((node) => ({
      id: node.id,
      type: 'box',
      position: places.get(node.id)!,
      data: { node, open: onNamespace, around: onAround },
      width: NODE_WIDTH,
      height: NODE_HEIGHT,
    }))
  }, [graph, placesOf, onNamespace, onAround])
  const edges = useMemo(
    () =>
      graph.edges.map(({ from, to, configured, traffic, found }) => {
        const id = callOf({ from, to })
        const stroke = id === call ? 'var(--mantine-primary-color-filled)' : COLORS[healthOf(traffic)]
        return {
          id,
          source: from,
          target: to,
          ...(traffic ? { label: say(traffic) } : {}),
          markerEnd: { type: MarkerType.ArrowClosed },
          style: {
            strokeWidth: found || id === call ? 3 : 1.6,
            ...(configured ? {} : { strokeDasharray: '5 4' }),
            ...(stroke ? { stroke } : {}),
          },
        }
      }),
    [graph, say, call],
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
        // What stands behind the line is what one meets.
        defaultEdgeOptions={EDGES}
        onEdgeClick={(_, { id }) => onCall(id)}
        onlyRenderVisibleElements={graph.nodes.length > MOST_AT_ONCE}
        autoPanOnNodeFocus={false}
        deleteKeyCode={null}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} />
        <InSight call={graph.edges.find((edge) => callOf(edge) === call)} />
        <Controls showInteractive={false} fitViewOptions={{ padding: 0.04 }} />
        {many && <MiniMap pannable zoomable ariaLabel={t('map')} />}
      </ReactFlow>
    </section>
  )
}

/** Moves the picture where the call that was chosen is not in sight as a whole, as when what is told of it takes room. */
function InSight({ call }: { readonly call: Pick<GraphEdge, 'from' | 'to'> | undefined }) {
  const flow = useReactFlow()
  const [from, to] = [call?.from, call?.to]
  useEffect(() => {
    if (from === undefined || to === undefined) return
    // The room of the picture is known some frames later.
    const timer = setTimeout(() => {
      const boxes = [from, to].flatMap(
        (id) => document.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`) ?? [],
      )
      const frame = document.querySelector('.react-flow')?.getBoundingClientRect()
      const isSeen = (box: Element) => {
        const { left, right, top, bottom } = box.getBoundingClientRect()
        return frame && left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom
      }
      if (boxes.length === 2 && boxes.every(isSeen)) return
      void flow.fitView({ nodes: [{ id: from }, { id: to }], maxZoom: flow.getZoom(), padding: 0.1 })
    }, 100)
    return () => clearTimeout(timer)
  }, [flow, from, to])
  return null
}

function BoxView({ data: { node, open, around } }: NodeProps<Box>) {
  const { t } = useTranslation('topology')
  const flow = useReactFlow()
  const { id, kind, name, namespace, endpoints, policies, members, failing = 0, traffic, found } = node
  const say = useTrafficWords()
  const health = failing > 0 ? 'failing' : healthOf(traffic)
  const what =
    members !== undefined
      ? t('members', { count: members })
      : kind === 'service'
        ? traffic
          ? namespace
          : `${namespace} · ${t('endpoints', { count: endpoints })}`
        : t(`kind.${kind}`)
  const Icon = members === undefined ? ICONS[kind] : IconFolder
  const short = name.endsWith('.svc.cluster.local') ? name.slice(0, name.indexOf('.')) : name
  /** What the keyboard leads to comes into the middle where it cannot be seen whole. */
  const bringIn = ({ currentTarget }: FocusEvent<HTMLElement>) => {
    const frame = currentTarget.closest('.react-flow')!.getBoundingClientRect()
    const { left, right, top, bottom } = currentTarget.getBoundingClientRect()
    if (left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom) return
    const place = flow.getNode(id)!.position
    void flow.setCenter(place.x + NODE_WIDTH / 2, place.y + NODE_HEIGHT / 2, { zoom: flow.getZoom() })
  }
  const content = (
    <>
      <Group gap={6} wrap="nowrap">
        <Icon size={15} stroke={1.6} aria-hidden />
        <Text size="sm" fw={600} truncate title={name}>
          {short}
        </Text>
        {(health === 'failing' || health === 'degraded') && (
          <IconAlertTriangle
            className={styles['health']}
            size={15}
            role="img"
            aria-label={failing > 0 ? t('failingOf', { count: failing }) : t(`health.${health}`)}
            color={`var(--mantine-color-${health === 'failing' ? 'red' : 'orange'}-6)`}
          />
        )}
      </Group>
      <Group gap={6} wrap="nowrap" justify="space-between">
        <Text size="xs" c="dimmed" truncate>
          {traffic && `${say(traffic)} · `}
          {what}
        </Text>
        <TopicBadges short topics={policies} />
      </Group>
    </>
  )
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it is what it holds that gets the focus
    <div className={`${styles['box']} ${styles[kind]}`} data-health={health} data-found={found} onFocus={bringIn}>
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
