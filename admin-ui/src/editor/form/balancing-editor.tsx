import { Group, SegmentedControl, Select, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import {
  type Algorithm,
  chooseAlgorithm,
  chooseHash,
  chooseSimple,
  HASH_KEYS,
  type HashKey,
  readBalancing,
  SIMPLE,
} from '../../forms/balance.ts'
import { setField } from '../../forms/edits.ts'
import { fieldsOf } from '../../forms/fields.ts'
import { read, readMap, schemaAt, writtenPath } from '../../forms/schema.ts'
import { FieldRow } from './field-row.tsx'
import { useFieldLabel, useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { MaglevField } from './maglev-field.tsx'
import { FieldForm, ObjectForm } from './object-form.tsx'
import { ScalarControl } from './scalar-control.tsx'
import { Section } from './section.tsx'
import { TableSize } from './table-size.tsx'

/** Which endpoint takes a request. */
export function Balancing({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const at = writtenPath(document, [...path, 'loadBalancer'])
  const held = read(value, 'loadBalancer')
  const field = schemaAt(schema, ['loadBalancer'])!
  const now = readBalancing(held)
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
      {now.kind === 'hash' && <HashBalancing path={at} schema={field} value={held} />}
      <ObjectForm path={at} schema={field} value={held} except={['simple', 'consistentHash']} />
    </Section>
  )
}

/** The key a request is hashed by, and the table: `path`, `schema` and `value` are those of the load balancer. */
function HashBalancing({ path: at, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const labelOf = useFieldLabel()
  const { value: document, edit, readOnly } = useForm()
  const now = readBalancing(value)
  const hashSchema = schemaAt(schema, ['consistentHash'])
  const hashAt = writtenPath(document, [...at, 'consistentHash'])
  const ringSize = ['ringHash', 'minimumRingSize']
  if (now.kind !== 'hash' || !hashSchema) return null
  return (
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
      {fieldsOf(hashSchema, readMap(value, 'consistentHash'), hashAt)
        .filter(
          ({ name, value: one }) => one !== undefined && HASH_KEYS.includes(name as HashKey) && name !== 'useSourceIp',
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
        <FieldRow name="minimumRingSize" path={[...hashAt, ...ringSize]} schema={schemaAt(hashSchema, ringSize)}>
          {(ids) => (
            <ScalarControl
              control="number"
              {...ids}
              schema={schemaAt(hashSchema, ringSize)}
              value={now.minimumRingSize}
              onChange={(next) => edit(chooseAlgorithm(document, at, 'ringHash', Number(next)))}
            />
          )}
        </FieldRow>
      )}
    </>
  )
}
