import { Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { FilterSelect, type FilterSelectProps } from './filter-select.tsx'
import { Search } from './search.tsx'
import type { ViewState } from './view.ts'

export interface FilterRowProps {
  /** What is searched for, as the label of the field; its words are `q` of the view. */
  readonly search: string
  /** The view of the page, and what changes a part of it. */
  readonly view: ViewState & { readonly q: string }
  readonly onChoose: (name: string, value: string) => void
  readonly filters: readonly Pick<FilterSelectProps, 'name' | 'label' | 'any' | 'options'>[]
  /** What else belongs beside them: other controls, what is left, a legend. */
  readonly children?: ReactNode
}

/** The search and the filters above a list. */
export function FilterRow({ search, view, onChoose, filters, children }: FilterRowProps) {
  return (
    <Group gap="sm">
      <Search value={view.q} onChange={(words) => onChoose('q', words)} label={search} />
      {filters.map(({ name, label, any, options }) => (
        <FilterSelect
          key={name}
          name={name}
          label={label}
          any={any}
          options={options}
          value={view[name] ?? ''}
          onChoose={onChoose}
        />
      ))}
      {children}
    </Group>
  )
}
