import { Select } from '@mantine/core'
import { memo } from 'react'

export interface FilterSelectProps {
  /** The part of the view it sets; given back with the choice. */
  readonly name: string
  readonly label: string
  /** Shown while nothing is chosen: everything. */
  readonly any: string
  readonly options: readonly (string | { readonly value: string; readonly label: string })[]
  /** Empty: no filter. */
  readonly value: string
  readonly onChoose: (name: string, value: string) => void
}

/** More are found by typing. */
const MOST_SHOWN = 100
/** So few are read faster than they are searched. */
const FEW = 8

/** One filter of a list. Rendered only when something about it changes: lists render while one types in the search beside it. */
export const FilterSelect = memo(function FilterSelect({
  name,
  label,
  any,
  options,
  value,
  onChoose,
}: FilterSelectProps) {
  return (
    <Select
      aria-label={label}
      placeholder={any}
      clearable
      searchable={options.length > FEW}
      limit={MOST_SHOWN}
      w={{ base: 'calc(50% - 6px)', xs: 190 }}
      data={options}
      value={value || null}
      onChange={(chosen) => onChoose(name, chosen ?? '')}
    />
  )
})
