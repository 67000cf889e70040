import { Button, Group, Select, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { setField } from '../../forms/edits.ts'
import { abortKind, type Fault, faultPercent, GRPC_STATUSES, NEW_ABORT, NEW_DELAY } from '../../forms/fault.ts'
import { type FieldSchema, schemaAt, writtenPath } from '../../forms/schema.ts'
import type { Path } from '../../yaml/index.ts'
import { FieldRow } from './field-row.tsx'
import { useForm } from './form-context.tsx'
import { ScalarControl } from './scalar-control.tsx'

const PERCENT = { type: 'number', minimum: 0, maximum: 100 } as const
const HTTP_STATUS = { type: 'integer', minimum: 200, maximum: 599 } as const
const KINDS = [
  { value: 'http', label: 'HTTP' },
  { value: 'grpc', label: 'gRPC' },
]

interface PartProps {
  /** Of the fault, as it is written. */
  readonly at: Path
  readonly schema: FieldSchema | undefined
  readonly fault: Fault
}

/** How long which share of the requests waits. */
export function FaultDelay({ at, schema, fault: { delay } }: PartProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const path = writtenPath(document, [...at, 'delay'])
  return (
    <FieldRow
      name="delay"
      path={path}
      schema={schemaAt(schema, ['delay'])}
      onClear={delay && (() => edit(setField(document, path, undefined)))}
    >
      {({ id, label }) =>
        delay ? (
          <Group gap={8}>
            <ScalarControl
              control="duration"
              id={id}
              label={label}
              schema={undefined}
              value={delay.fixedDelay}
              onChange={(next) => edit(setField(document, [...path, 'fixedDelay'], next))}
            />
            <PercentOf
              label={`${label} %`}
              value={delay.percent}
              onChange={(next) => edit(faultPercent(document, path, next))}
            />
          </Group>
        ) : (
          <AddPart id={id} path={path} value={NEW_DELAY}>
            {t('fault.addDelay')}
          </AddPart>
        )
      }
    </FieldRow>
  )
}

/** With which status which share of the requests fails. */
export function FaultAbort({ at, schema, fault: { abort } }: PartProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const path = writtenPath(document, [...at, 'abort'])
  return (
    <FieldRow
      name="abort"
      path={path}
      schema={schemaAt(schema, ['abort'])}
      onClear={abort && (() => edit(setField(document, path, undefined)))}
    >
      {({ id, label }) =>
        abort ? (
          <Group gap={8}>
            <Select
              size="xs"
              w={84}
              aria-label={`${label}: HTTP / gRPC`}
              data={KINDS}
              value={abort.kind}
              allowDeselect={false}
              onChange={(kind) => edit(abortKind(document, path, kind === 'grpc' ? 'grpc' : 'http'))}
            />
            {abort.kind === 'http' ? (
              <div style={{ width: 92 }}>
                <ScalarControl
                  control="number"
                  id={id}
                  label={`${label}: HTTP`}
                  schema={HTTP_STATUS}
                  value={abort.status}
                  onChange={(next) => edit(setField(document, [...path, 'httpStatus'], next))}
                />
              </div>
            ) : (
              <Select
                size="xs"
                id={id}
                aria-label={`${label}: gRPC`}
                data={[...GRPC_STATUSES]}
                value={abort.status ?? null}
                allowDeselect={false}
                onChange={(next) => next && edit(setField(document, [...path, 'grpcStatus'], next))}
              />
            )}
            <PercentOf
              label={`${label} %`}
              value={abort.percent}
              onChange={(next) => edit(faultPercent(document, path, next))}
            />
          </Group>
        ) : (
          <AddPart id={id} path={path} value={NEW_ABORT}>
            {t('fault.addAbort')}
          </AddPart>
        )
      }
    </FieldRow>
  )
}

/** Writes a part that is not there. */
function AddPart({
  id,
  path,
  value,
  children,
}: {
  readonly id: string
  readonly path: Path
  readonly value: object
  readonly children: string
}) {
  const { value: document, edit } = useForm()
  return (
    <Button id={id} size="compact-xs" variant="default" onClick={() => edit(setField(document, path, value))}>
      {children}
    </Button>
  )
}

function PercentOf({
  label,
  value,
  onChange,
}: {
  readonly label: string
  readonly value: number
  readonly onChange: (value: number) => void
}) {
  return (
    <Group gap={4} wrap="nowrap">
      <div style={{ width: 80 }}>
        <ScalarControl
          control="number"
          label={label}
          schema={PERCENT}
          value={value}
          onChange={(next) => onChange(Number(next))}
        />
      </div>
      <Text size="sm" aria-hidden>
        %
      </Text>
    </Group>
  )
}
