import { SegmentedControl, Skeleton, Stack, Text } from '@mantine/core'
import { IconTopologyStar3 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useCallback, useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Empty } from '../parts/empty.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { CallPanel } from './call-panel.tsx'
import { graphOf } from './graph.ts'
import { callOf } from './model.ts'
import { parseQuery, type Query } from './query.ts'
import { TopologyFilters } from './topology-filters.tsx'
import styles from './topology-page.module.css'
import { TopologyTable } from './topology-table.tsx'
import { DEFAULTS, labelOf, windowOf } from './topology-view.ts'

const Picture = lazy(() => import('./picture.tsx').then(({ Picture: component }) => ({ default: component })))

const NOTHING: Query = []

/** Who calls whom: a picture, and a table that says the same. */
export function TopologyPage() {
  const { t } = useTranslation('topology')
  const [view, change, choose] = useView(DEFAULTS)
  const { data, error, refetch } = useQuery(queries.topology(Number(windowOf(view.window))))
  const filter = useDeferredValue(view)
  const graph = useMemo(
    () =>
      data &&
      graphOf(data, {
        ...{ namespace: filter.ns, query: filter.q, lonely: filter.lonely === '1' },
        ...{ around: filter.around, hops: Number(filter.hops) || 1 },
        ...{ find: queryOf(filter.find), hide: queryOf(filter.hide) },
      }),
    [data, filter],
  )
  const clear = () => change({ ns: '', q: '', lonely: '1', around: '', hide: '' })
  const chosen = graph?.edges.find((edge) => callOf(edge) === view.call)
  const onCall = useCallback((call: string) => change({ call }), [change])
  const onNamespace = useCallback((ns: string) => change({ ns }), [change])
  const onAround = useCallback((around: string) => change({ around, ns: '', q: '' }), [change])
  return (
    <Page
      title={t('title')}
      lead={
        graph &&
        `${t(graph.grouped ? 'namespaces' : 'lead', { count: graph.nodes.length })}, ${t('calls', { count: graph.edges.length })}`
      }
      actions={
        <SegmentedControl
          aria-label={t('as')}
          data={[
            { value: 'graph', label: t('graph') },
            { value: 'table', label: t('table') },
          ]}
          value={view.as}
          onChange={(as) => change({ as })}
        />
      }
    >
      {error && <ProblemAlert error={error} retry={() => void refetch()} />}
      {data?.nodes.length === 0 ? (
        <Empty icon={IconTopologyStar3} title={t('none')}>
          {t('noneHint')}
        </Empty>
      ) : (
        <Stack gap="sm">
          <TopologyFilters
            view={view}
            onChange={change}
            onChoose={choose}
            nodes={data?.nodes ?? []}
            graph={graph}
            finding={filter.find !== ''}
          />
          {graph?.nodes.length === 0 && <NoMatch clear={clear} />}
          {graph && graph.nodes.length > 0 && view.as === 'graph' && (
            <Suspense fallback={<Skeleton h="calc(100vh - 270px)" mih={420} />}>
              <div className={styles['side']} data-open={chosen !== undefined || undefined}>
                <Picture
                  graph={graph}
                  label={labelOf(view.label)}
                  call={view.call}
                  onCall={onCall}
                  onNamespace={onNamespace}
                  onAround={onAround}
                />
                {chosen && <CallPanel edge={chosen} nodes={graph.nodes} onClose={() => onCall('')} />}
              </div>
            </Suspense>
          )}
          {graph && graph.nodes.length > 0 && view.as === 'table' && <TopologyTable graph={graph} />}
          {graph && (
            <Text size="xs" c="dimmed">
              {t('legend')}
            </Text>
          )}
        </Stack>
      )}
    </Page>
  )
}

/** What is asked for, as far as it can be understood: half a word finds and hides nothing. */
function queryOf(text: string): Query {
  const parsed = parseQuery(text)
  return 'query' in parsed ? parsed.query : NOTHING
}
