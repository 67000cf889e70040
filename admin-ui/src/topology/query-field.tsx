import { Autocomplete } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { parseQuery, STATES } from './query.ts'

/** Offered before one types, and while what is typed stands in one. */
const OFFERED = [
  ...STATES,
  'failing or degraded',
  'rate>10',
  'p99>250',
  'policy:fault',
  'policy:split',
  'kind:workload',
  'ns:',
]

export interface QueryFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}

/** A query as one types it; says which word of it is not understood. */
export function QueryField({ label, value, onChange }: QueryFieldProps) {
  const { t } = useTranslation('topology')
  const parsed = parseQuery(value)
  return (
    <Autocomplete
      aria-label={label}
      placeholder={label}
      w={{ base: 'calc(50% - 6px)', xs: 190 }}
      data={OFFERED}
      value={value}
      error={'wrong' in parsed && t('query.wrong', { word: parsed.wrong })}
      clearable
      onChange={onChange}
    />
  )
}
