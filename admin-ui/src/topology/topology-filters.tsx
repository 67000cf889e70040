import { Checkbox, SegmentedControl, Select, Text } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { TopologyNode } from '../api/schema.ts'
import { FilterRow } from '../parts/filter-row.tsx'
import type { graphOf } from './graph.ts'
import { LABELS } from './model.ts'
import { QueryField } from './query-field.tsx'
import { QueryHelp } from './query-help.tsx'
import { HOPS, labelOf, type TopologyView, WINDOWS, windowOf } from './topology-view.ts'

export interface TopologyFiltersProps {
  readonly view: TopologyView
  readonly onChange: (part: Partial<TopologyView>) => void
  readonly onChoose: (name: string, value: string) => void
  /** All there are, shown or not. */
  readonly nodes: readonly TopologyNode[]
  /** What is shown of them. */
  readonly graph: ReturnType<typeof graphOf> | undefined
  /** Whether that says what is found. */
  readonly finding: boolean
}

/** What of the mesh is shown, of which time, and how many of it are found. */
export function TopologyFilters({ view, onChange, onChoose, nodes, graph, finding }: TopologyFiltersProps) {
  const { t } = useTranslation('topology')
  const namespaces = useMemo(
    () => [...new Set(nodes.map(({ namespace }) => namespace))].filter(Boolean).sort(),
    [nodes],
  )
  const names = useMemo(
    () =>
      nodes
        .map(({ id, name, kind }) => ({
          value: id,
          label: kind === 'service' ? name : `${name} (${t(`kind.${kind}`)})`,
        }))
        .sort((a, b) => (a.label < b.label ? -1 : 1)),
    [nodes, t],
  )
  return (
    <FilterRow
      search={t('search')}
      view={view}
      onChoose={onChoose}
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
          onChange={(hops) => onChange({ hops })}
        />
      )}
      <QueryField label={t('find')} value={view.find} onChange={(words) => onChoose('find', words)} />
      <QueryField label={t('hide')} value={view.hide} onChange={(words) => onChoose('hide', words)} />
      <QueryHelp />
      <SegmentedControl
        aria-label={t('window')}
        data={WINDOWS.map((value) => ({ value, label: t('minutes', { count: Number(value) / 60 }) }))}
        value={windowOf(view.window)}
        onChange={(next) => onChoose('window', next)}
      />
      <Select
        aria-label={t('label')}
        w={150}
        data={LABELS.map((value) => ({ value, label: t(`label.${value}`) }))}
        value={labelOf(view.label)}
        allowDeselect={false}
        onChange={(next) => next !== null && onChoose('label', next)}
      />
      <Checkbox
        label={t('lonely')}
        checked={view.lonely === '1'}
        onChange={(event) => onChange({ lonely: event.currentTarget.checked ? '1' : '0' })}
      />
      {graph && finding && (
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
  )
}

function countFound(all: readonly { readonly found?: boolean }[]): number {
  return all.filter(({ found }) => found).length
}
