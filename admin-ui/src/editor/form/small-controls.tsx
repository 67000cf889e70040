import { ActionIcon, Group, Select, Stack, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { isMap } from '../../forms/schema.ts'
import { AddButton } from './add-button.tsx'
import { useForm } from './form-context.tsx'
import { ScalarControl } from './scalar-control.tsx'

interface ValueProps {
  readonly id?: string
  readonly label: string
  readonly value: unknown
  readonly onChange: (value: unknown) => void
}

const MATCHES = ['exact', 'prefix', 'regex'] as const

/** exact, prefix or regex, and the text. */
export function MatchControl({ id, label, value, onChange }: ValueProps) {
  const { t } = useTranslation('editor')
  const { readOnly } = useForm()
  const [[kind, text] = ['', '']] = isMap(value) ? (Object.entries(value) as [string, string][]) : []
  return (
    <Group gap={6} wrap="nowrap" align="flex-start">
      <Select
        size="xs"
        w={112}
        disabled={readOnly}
        aria-label={`${label}: ${t('match.kind')}`}
        data={[
          { value: '', label: t('match.present') },
          ...MATCHES.map((one) => ({ value: one, label: t(`match.${one}`) })),
        ]}
        value={kind}
        allowDeselect={false}
        onChange={(next) => onChange(next ? { [next]: text } : {})}
      />
      {kind !== '' && (
        <div style={{ flex: 1, minWidth: 0 }}>
          <ScalarControl
            control="text"
            {...(id === undefined ? {} : { id })}
            label={label}
            schema={undefined}
            value={text}
            onChange={(next) => onChange({ [kind]: next })}
          />
        </div>
      )}
    </Group>
  )
}

/** A map of texts, one pair a line. */
export function PairsControl({ label, value, onChange }: ValueProps) {
  const { t } = useTranslation('editor')
  const { readOnly } = useForm()
  const map = isMap(value) ? (value as Readonly<Record<string, string>>) : {}
  const [fresh, setFresh] = useState('')
  const add = () => {
    if (fresh.trim() === '' || Object.hasOwn(map, fresh.trim())) return
    onChange({ ...map, [fresh.trim()]: '' })
    setFresh('')
  }
  return (
    <Stack gap={4}>
      {Object.entries(map).map(([key, text]) => (
        <Group key={key} gap={6} wrap="nowrap">
          <TextInput size="xs" value={key} readOnly w="40%" aria-label={`${label}: ${t('pairs.key')}`} />
          <div style={{ flex: 1, minWidth: 0 }}>
            <ScalarControl
              control="text"
              label={`${label}: ${key}`}
              schema={undefined}
              value={text}
              onChange={(next) => onChange({ ...map, [key]: next })}
            />
          </div>
          {!readOnly && (
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`${t('field.clear')}: ${key}`}
              onClick={() => onChange(Object.fromEntries(Object.entries(map).filter(([one]) => one !== key)))}
            >
              <IconX size={14} />
            </ActionIcon>
          )}
        </Group>
      ))}
      {!readOnly && (
        <Group gap={6} wrap="nowrap">
          <TextInput
            size="xs"
            w="40%"
            value={fresh}
            placeholder={t('pairs.new')}
            aria-label={`${label}: ${t('pairs.new')}`}
            onChange={({ currentTarget }) => setFresh(currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && add()}
          />
          <AddButton disabled={fresh.trim() === ''} onClick={add}>
            {t('field.addEntry')}
          </AddButton>
        </Group>
      )}
    </Stack>
  )
}

/** A percentage that may have a fraction. */
export function PercentControl({ id, label, value, onChange }: ValueProps) {
  const number = isMap(value) ? value['value'] : undefined
  return (
    <Group gap={6} wrap="nowrap" align="center">
      <div style={{ width: 110 }}>
        <ScalarControl
          control="number"
          {...(id === undefined ? {} : { id })}
          label={label}
          schema={{ type: 'number', minimum: 0, maximum: 100 }}
          value={number}
          onChange={(next) => onChange({ value: next })}
        />
      </div>
      <span aria-hidden>%</span>
    </Group>
  )
}
