import { Button, Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { BREAKER_FIELDS, breakerOff, PRESET_NAMES, presetEdits, presetOf } from '../../forms/breaker.ts'
import { setField } from '../../forms/edits.ts'
import { controlOf } from '../../forms/fields.ts'
import { type FieldSchema, read, schemaAt, writtenPath } from '../../forms/schema.ts'
import { presetText } from '../context-at.ts'
import { FieldRow } from './field-row.tsx'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { FieldForm } from './object-form.tsx'
import { ScalarControl } from './scalar-control.tsx'
import { Section } from './section.tsx'

/** Every limit and every field of outlier detection, set or not: what is not set shows what holds instead. */
export function Breaker({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const on = read(value, 'connectionPool') !== undefined || read(value, 'outlierDetection') !== undefined
  const preset = presetOf(value)
  const toggle = (next: boolean) => edit(next ? presetEdits(document, path, 'standard') : breakerOff(document, path))
  return (
    <Section
      title={t('section.breaker')}
      field="connectionPool, outlierDetection"
      on={on}
      onToggle={toggle}
      actions={
        on &&
        !readOnly && (
          <Group gap={4} role="group" aria-label={t('breaker.presets')}>
            {PRESET_NAMES.map((name) => (
              <Button
                key={name}
                size="compact-xs"
                variant={preset === name ? 'filled' : 'default'}
                aria-pressed={preset === name}
                onClick={() => edit(presetEdits(document, path, name))}
              >
                {t(`breaker.preset.${name}`)}
              </Button>
            ))}
          </Group>
        )
      }
    >
      {(['connections', 'requests', 'outliers'] as const).map((part) => (
        <div key={part}>
          <Text size="xs" fw={600} c="dimmed" px={8} mt={8} tt="uppercase">
            {t(`breaker.${part}`)}
          </Text>
          {BREAKER_FIELDS[part].map((name) => (
            <BreakerField key={name} path={path} schema={schema} value={value} name={name} />
          ))}
        </div>
      ))}
    </Section>
  )
}

function BreakerField({ path, schema, value, name }: LayoutProps & { readonly name: string }) {
  const { value: document, edit } = useForm()
  const steps = name.split('.')
  const at = writtenPath(document, [...path, ...steps])
  const field = schemaAt(schema, steps)
  const held = read(value, ...steps)
  if (!field) return null
  const leaf = steps.at(-1)!
  const control = controlOf(field, held)
  // Deprecated fields are shown where somebody has them.
  if (held === undefined && field['x-deprecated'] !== undefined) return null
  const set = (next: unknown) => edit(setField(document, at, next))
  if (control === 'group' || control === 'list' || control === 'kept')
    return control === 'kept' ? null : (
      <FieldForm
        field={{
          name: leaf,
          path: at,
          control,
          schema: field,
          value: held ?? (control === 'list' ? [] : {}),
          required: held === undefined,
          excludes: [],
        }}
      />
    )
  return (
    // What holds without it stands in the empty field.
    <FieldRow
      name={leaf}
      path={at}
      schema={withoutDefault(field)}
      onClear={held === undefined ? undefined : () => set(undefined)}
    >
      {(ids) => (
        <ScalarControl
          control={control}
          {...ids}
          schema={field}
          value={held}
          onChange={set}
          placeholder={field['x-default'] === undefined ? '' : presetText(field['x-default'])}
        />
      )}
    </FieldRow>
  )
}

function withoutDefault({ 'x-default': _, ...field }: FieldSchema): FieldSchema {
  return field
}
