import { Button, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import {
  type Algorithm,
  chooseAlgorithm,
  chooseHash,
  chooseSimple,
  HASH_KEYS,
  type HashKey,
  primeAtLeast,
  readBalancing,
  SIMPLE,
  TABLE_SIZES,
  tableCost,
  tableSizeProblem,
} from '../../forms/balance.ts'
import { BREAKER_FIELDS, breakerOff, PRESETS, type PresetName, presetEdits, presetOf } from '../../forms/breaker.ts'
import { setField } from '../../forms/edits.ts'
import { controlOf, fieldsOf } from '../../forms/fields.ts'
import { type FieldSchema, read, readMap, schemaAt, writtenPath } from '../../forms/schema.ts'
import { presetText } from '../context-at.ts'
import { FieldRow } from './field-row.tsx'
import { useFieldLabel, useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { MaglevField } from './maglev-field.tsx'
import { FieldForm, ObjectForm } from './object-form.tsx'
import { ScalarControl } from './scalar-control.tsx'
import { Section } from './section.tsx'

/** What happens to traffic after routing: circuit breaking, load balancing, and the rest. */
export function PolicyEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  return (
    <Stack gap={0}>
      <Breaker path={path} schema={schema} value={value} />
      <Balancing path={path} schema={schema} value={value} />
      <Section title={t('section.more')} field="…">
        <ObjectForm
          path={path}
          schema={schema}
          value={value}
          except={['connectionPool', 'outlierDetection', 'loadBalancer']}
        />
      </Section>
    </Stack>
  )
}

/** Every limit and every field of outlier detection, set or not: what is not set shows what holds instead. */
function Breaker({ path, schema, value }: LayoutProps) {
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
            {(Object.keys(PRESETS) as PresetName[]).map((name) => (
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

/** Which endpoint takes a request. */
function Balancing({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const labelOf = useFieldLabel()
  const { value: document, edit, readOnly } = useForm()
  const at = writtenPath(document, [...path, 'loadBalancer'])
  const held = read(value, 'loadBalancer')
  const field = schemaAt(schema, ['loadBalancer'])!
  const hashSchema = schemaAt(field, ['consistentHash'])
  const now = readBalancing(held)
  const hashAt = writtenPath(document, [...at, 'consistentHash'])
  const hash = readMap(held, 'consistentHash')
  return (
    <Section
      title={t('section.balance')}
      field="loadBalancer"
      on={held !== undefined}
      onToggle={(on) => edit(on ? chooseSimple(document, at, 'ROUND_ROBIN') : setField(document, at, undefined))}
    >
      <Stack gap={6} px={8}>
        {now.kind !== 'utilization' && (
          <SegmentedControl
            size="xs"
            w="fit-content"
            disabled={readOnly}
            aria-label={t('section.balance')}
            value={now.kind}
            onChange={(kind) =>
              edit(
                kind === 'hash'
                  ? chooseHash(document, at, 'httpHeaderName')
                  : chooseSimple(document, at, 'ROUND_ROBIN'),
              )
            }
            data={[
              { value: 'simple', label: t('balance.simple') },
              { value: 'hash', label: t('balance.hash') },
            ]}
          />
        )}
        {now.kind === 'simple' && (
          <Select
            size="xs"
            w={220}
            disabled={readOnly}
            aria-label={t('balance.algorithm')}
            data={[...new Set([...SIMPLE, ...(now.simple ? [now.simple] : [])])]}
            value={now.simple ?? null}
            allowDeselect={false}
            onChange={(next) => next && edit(chooseSimple(document, at, next))}
          />
        )}
      </Stack>
      {now.kind === 'hash' && (
        <>
          <Group gap={8} px={8} mt={6}>
            <Select
              size="xs"
              w={220}
              disabled={readOnly}
              label={t('balance.key')}
              data={HASH_KEYS.map((one) => ({ value: one, label: labelOf(one) }))}
              value={now.key ?? null}
              allowDeselect={false}
              onChange={(next) => next && edit(chooseHash(document, at, next as HashKey))}
            />
            <Select
              size="xs"
              w={150}
              disabled={readOnly}
              label={t('balance.algorithm')}
              data={[
                { value: 'maglev', label: 'Maglev' },
                { value: 'ringHash', label: labelOf('ringHash') },
              ]}
              value={now.algorithm}
              allowDeselect={false}
              onChange={(next) => next && edit(chooseAlgorithm(document, at, next as Algorithm, undefined))}
            />
          </Group>
          {fieldsOf(hashSchema!, hash, hashAt)
            .filter(
              ({ name, value: one }) =>
                one !== undefined && HASH_KEYS.includes(name as HashKey) && name !== 'useSourceIp',
            )
            .map((one) => (
              <FieldForm key={one.name} field={{ ...one, required: true }} />
            ))}
          {now.algorithm === 'maglev' ? (
            <>
              <TableSize path={at} size={now.tableSize} />
              <MaglevField path={at} size={now.tableSize} />
            </>
          ) : (
            <FieldRow
              name="minimumRingSize"
              path={[...hashAt, 'ringHash', 'minimumRingSize']}
              schema={schemaAt(hashSchema, ['ringHash', 'minimumRingSize'])}
            >
              {(ids) => (
                <ScalarControl
                  control="number"
                  {...ids}
                  schema={schemaAt(hashSchema, ['ringHash', 'minimumRingSize'])}
                  value={now.minimumRingSize}
                  onChange={(next) => edit(chooseAlgorithm(document, at, 'ringHash', Number(next)))}
                />
              )}
            </FieldRow>
          )}
        </>
      )}
      <ObjectForm path={at} schema={field} value={held} except={['simple', 'consistentHash']} />
    </Section>
  )
}

/** The Maglev table: primes to choose from, what they cost, and what is wrong with another number. */
function TableSize({ path, size }: { readonly path: LayoutProps['path']; readonly size: number | undefined }) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const shown = size ?? 65_537
  const problem = tableSizeProblem(shown)
  const { bytes } = tableCost(shown, 0)
  const set = (next: number | undefined) => edit(chooseAlgorithm(document, path, 'maglev', next))
  return (
    <FieldRow
      name="tableSize"
      path={[...path, 'consistentHash', 'maglev', 'tableSize']}
      schema={{ type: 'integer', description: t('balance.tableDoc'), 'x-default': '4093 / 65537' }}
      onClear={size === undefined ? undefined : () => set(undefined)}
    >
      {(ids) => (
        <Stack gap={4}>
          <Group gap={6}>
            <div style={{ width: 120 }}>
              <ScalarControl
                control="number"
                {...ids}
                schema={{ type: 'integer', minimum: 2, maximum: 5_000_011 }}
                value={size}
                placeholder={t('balance.byItself')}
                onChange={(next) => set(Number(next))}
              />
            </div>
            {!readOnly &&
              TABLE_SIZES.map((one) => (
                <Button
                  key={one}
                  size="compact-xs"
                  variant={one === shown ? 'light' : 'default'}
                  onClick={() => set(one)}
                >
                  {one}
                </Button>
              ))}
          </Group>
          <Text size="xs" c={problem ? 'red' : 'dimmed'}>
            {problem === 'notPrime'
              ? t('balance.notPrime', { prime: primeAtLeast(shown) })
              : problem === 'tooLarge'
                ? t('balance.tooLarge')
                : t('balance.cost', {
                    kilobytes: Math.round(bytes / 1_024),
                    endpoints: Math.max(1, Math.floor(shown / 100)),
                  })}
          </Text>
        </Stack>
      )}
    </FieldRow>
  )
}
