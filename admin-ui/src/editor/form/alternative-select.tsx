import { Select } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { type Alternative, inOtherWay, wayOf } from '../../forms/alternatives.ts'
import { setField } from '../../forms/edits.ts'
import { controlOf, emptyValue } from '../../forms/fields.ts'
import type { Path } from '../../yaml/index.ts'
import { titleText } from '../context-at.ts'
import { useForm } from './form-context.tsx'
import { useStart } from './start.ts'

export interface AlternativeSelectProps {
  /** Of the field. */
  readonly label: string
  readonly path: Path
  readonly value: unknown
  readonly ways: readonly Alternative[]
}

/** In which of its ways a field is written; another one takes what of the value can stay. */
export function AlternativeSelect({ label, path, value, ways }: AlternativeSelectProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const startOf = useStart()
  const now = wayOf(ways, value)
  const choose = (next: number) => {
    const way = ways[next]?.schema
    if (!way || next === now) return
    const kept = inOtherWay(way, value)
    const started = startOf(path)
    const fits = started !== undefined && wayOf(ways, started) === next
    edit(setField(document, path, kept ?? (fits ? started : emptyOf(way))))
  }
  const emptyOf = (way: Alternative['schema']) =>
    way.type === 'array' && way.items?.properties ? [startOf([...path, 0]) ?? emptyValue(way.items)] : emptyValue(way)
  return (
    <Select
      size="xs"
      mb={4}
      w="fit-content"
      miw={180}
      disabled={readOnly}
      aria-label={`${label}: ${t('way.label')}`}
      data={ways.map(({ title, schema }, index) => ({
        value: String(index),
        label:
          title !== undefined
            ? titleText(title)
            : schema.type === 'array'
              ? t('way.list')
              : controlOf(schema, undefined) === 'group' || schema.type === 'object'
                ? t('way.fields')
                : t('way.value'),
      }))}
      value={String(now)}
      allowDeselect={false}
      onChange={(next) => next !== null && choose(Number(next))}
    />
  )
}
