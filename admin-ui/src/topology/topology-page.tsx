import { Checkbox, SegmentedControl, Select, Skeleton, Stack, Text } from '@mantine/core'
import { IconTopologyStar3 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useCallback, useDeferredValue, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Empty } from '../parts/empty.tsx'
import { FilterRow } from '../parts/filter-row.tsx'
import { NoMatch } from '../parts/no-match.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { CallPanel } from './call-panel.tsx'
import { graphOf } from './graph.ts'
import { callOf, LABELS } from './model.ts'
import { parseQuery, type Query } from './query.ts'
import { QueryField } from './query-field.tsx'
import { QueryHelp } from './query-help.tsx'
import styles from './topology-page.module.css'
import { TopologyTable } from './topology-table.tsx'

const Picture = lazy(() => import('./picture.tsx').then(({ Picture: component }) => ({ default: component })))

const HOPS = ['1', '2', '3'] as const
/** Seconds that figures are of. */
const WINDOWS = ['60', '300', '900'] as const
const DEFAULTS = {
  as: 'graph',
  ns: '',
  q: '',
  lonely: '1',
  around: '',
  hops: '1',
  find: '',
  hide: '',
  window: '300',
  label: 'rate',
  call: '',
}
const NOTHING: Query = []

/** Who calls whom: a picture, and a table that says the same. */
export function TopologyPage() {
  const { t } = useTranslation('topology')
  const [view, change, choose] = useView(DEFAULTS)
  const window = WINDOWS.find((one) => one === view.window) ?? '300'
  const { data, error, refetch } = useQuery(queries.topology(Number(window)))
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
  const namespaces = useMemo(
    () => [...new Set((data?.nodes ?? []).map(({ namespace }) => namespace))].filter(Boolean).sort(),
    [data],
  )
  const names = useMemo(
    () =>
      (data?.nodes ?? [])
        .map(({ id, name, kind }) => ({
          value: id,
          label: kind === 'service' ? name : `${name} (${t(`kind.${kind}`)})`,
        }))
        .sort((a, b) => (a.label < b.label ? -1 : 1)),
    [data, t],
  )
  const clear = () => change({ ns: '', q: '', lonely: '1', around: '', hide: '' })
  const label = LABELS.find((one) => one === view.label) ?? 'rate'
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
          <FilterRow
            search={t('search')}
            view={view}
            onChoose={choose}
            filters={[
              { name: 'ns', label: t('namespace'), any: t('anyNamespace'), options: namespaces },
              { name: 'around', label: t('around'), any: t('anyAround'), options: names },
            ]}
          >
            {view.around !== '' && (
              <SegmentedControl
                aria-label={t('hops')}
                data={HOPS.map((value) => ({ value, label: t('hop', { count: Number(value) }) }))}
                value={view.hops}
                onChange={(hops) => change({ hops })}
              />
            )}
            <QueryField label={t('find')} value={view.find} onChange={(words) => choose('find', words)} />
            <QueryField label={t('hide')} value={view.hide} onChange={(words) => choose('hide', words)} />
            <QueryHelp />
            <SegmentedControl
              aria-label={t('window')}
              data={WINDOWS.map((value) => ({ value, label: t('minutes', { count: Number(value) / 60 }) }))}
              value={window}
              onChange={(next) => choose('window', next)}
            />
            <Select
              aria-label={t('label')}
              w={150}
              data={LABELS.map((value) => ({ value, label: t(`label.${value}`) }))}
              value={label}
              allowDeselect={false}
              onChange={(next) => next !== null && choose('label', next)}
            />
            <Checkbox
              label={t('lonely')}
              checked={view.lonely === '1'}
              onChange={(event) => change({ lonely: event.currentTarget.checked ? '1' : '0' })}
            />
            {graph && filter.find !== '' && (
              <Text size="sm" role="status" data-found>
                {t('found', { nodes: countFound(graph.nodes), calls: countFound(graph.edges) })}
              </Text>
            )}
            {graph?.grouped && (
              <Text size="sm" c="dimmed">
                {t('grouped')}
              </Text>
            )}
          </FilterRow>
          {graph?.nodes.length === 0 && <NoMatch clear={clear} />}
          {graph && graph.nodes.length > 0 && view.as === 'graph' && (
            <Suspense fallback={<Skeleton h="calc(100vh - 270px)" mih={420} />}>
              <div className={styles['side']} data-open={chosen !== undefined || undefined}>
                <Picture
                  graph={graph}
                  label={label}
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

function countFound(all: readonly { readonly found?: boolean }[]): number {
  return all.filter(({ found }) => found).length
}
