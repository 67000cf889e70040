import { Alert, Button, Group, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { choose, setField } from '../../forms/edits.ts'
import { faultPercent, GRPC_STATUSES, readFault, type Scope, scopedFault, stopsEverything } from '../../forms/fault.ts'
import { readText, schemaAt, writtenPath } from '../../forms/schema.ts'
import { ExpiryField } from './expiry-field.tsx'
import { FieldRow } from './field-row.tsx'
import classes from './form.module.css'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { ScalarControl } from './scalar-control.tsx'
import { Section } from './section.tsx'

const PERCENT = { type: 'number', minimum: 0, maximum: 100 } as const

/** A fault of a rule: first which requests, then what happens to them, then for how long. */
export function FaultEditor({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const at = writtenPath(document, [...path, 'fault'])
  const raw = (value as Readonly<Record<string, unknown>> | undefined)?.[String(at.at(-1))]
  const fault = readFault(raw)
  const on = raw !== undefined
  const [scoping, setScoping] = useState(false)
  const parts = useRef<HTMLDivElement>(null)
  const added = useRef(false)
  useEffect(() => {
    if (!on || !added.current) return
    // The button that added it is gone, and the focus with it: what comes next is how it fails, and when that ends.
    added.current = false
    parts.current?.querySelector<HTMLElement>('input, button')?.focus()
  }, [on])
  const fieldSchema = schemaAt(schema, ['fault'])
  const part = (name: 'delay' | 'abort') => writtenPath(document, [...at, name])
  return (
    <Section
      title={t('section.fault')}
      field="fault"
      on={on || scoping}
      onToggle={(next) => {
        if (!next && on) edit(setField(document, at, undefined))
        setScoping(next && !on)
      }}
    >
      {scoping && !on && (
        <FaultScope
          path={path}
          onDone={() => {
            added.current = true
            setScoping(false)
          }}
        />
      )}
      {on && (
        <Stack gap={4}>
          {stopsEverything(raw) && (
            <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} py={6} mx={8}>
              {t('fault.everything')}
            </Alert>
          )}
          <div className={classes['nested']} ref={parts}>
            <FieldRow
              name="delay"
              path={part('delay')}
              schema={schemaAt(fieldSchema, ['delay'])}
              onClear={fault.delay ? () => edit(setField(document, part('delay'), undefined)) : undefined}
            >
              {({ id, label }) =>
                fault.delay ? (
                  <Group gap={8}>
                    <ScalarControl
                      control="duration"
                      id={id}
                      label={label}
                      schema={undefined}
                      value={fault.delay.fixedDelay}
                      onChange={(next) => edit(setField(document, [...part('delay'), 'fixedDelay'], next))}
                    />
                    <PercentOf
                      label={`${label} %`}
                      value={fault.delay.percent}
                      onChange={(next) => edit(faultPercent(document, part('delay'), next))}
                    />
                  </Group>
                ) : (
                  <Button
                    id={id}
                    size="compact-xs"
                    variant="default"
                    onClick={() =>
                      edit(setField(document, part('delay'), { fixedDelay: '2s', percentage: { value: 10 } }))
                    }
                  >
                    {t('fault.addDelay')}
                  </Button>
                )
              }
            </FieldRow>
            <FieldRow
              name="abort"
              path={part('abort')}
              schema={schemaAt(fieldSchema, ['abort'])}
              onClear={fault.abort ? () => edit(setField(document, part('abort'), undefined)) : undefined}
            >
              {({ id, label }) =>
                fault.abort ? (
                  <Group gap={8}>
                    <Select
                      size="xs"
                      w={84}
                      aria-label={`${label}: HTTP / gRPC`}
                      data={[
                        { value: 'http', label: 'HTTP' },
                        { value: 'grpc', label: 'gRPC' },
                      ]}
                      value={fault.abort.kind}
                      allowDeselect={false}
                      onChange={(kind) =>
                        edit(
                          choose(
                            document,
                            part('abort'),
                            ['httpStatus', 'grpcStatus', 'http2Error'],
                            kind === 'grpc' ? 'grpcStatus' : 'httpStatus',
                            kind === 'grpc' ? 'UNAVAILABLE' : 503,
                          ),
                        )
                      }
                    />
                    {fault.abort.kind === 'http' ? (
                      <div style={{ width: 92 }}>
                        <ScalarControl
                          control="number"
                          id={id}
                          label={`${label}: HTTP`}
                          schema={{ type: 'integer', minimum: 200, maximum: 599 }}
                          value={fault.abort.status}
                          onChange={(next) => edit(setField(document, [...part('abort'), 'httpStatus'], next))}
                        />
                      </div>
                    ) : (
                      <Select
                        size="xs"
                        id={id}
                        aria-label={`${label}: gRPC`}
                        data={[...GRPC_STATUSES]}
                        value={fault.abort.status ?? null}
                        allowDeselect={false}
                        onChange={(next) => next && edit(setField(document, [...part('abort'), 'grpcStatus'], next))}
                      />
                    )}
                    <PercentOf
                      label={`${label} %`}
                      value={fault.abort.percent}
                      onChange={(next) => edit(faultPercent(document, part('abort'), next))}
                    />
                  </Group>
                ) : (
                  <Button
                    id={id}
                    size="compact-xs"
                    variant="default"
                    onClick={() =>
                      edit(setField(document, part('abort'), { httpStatus: 503, percentage: { value: 10 } }))
                    }
                  >
                    {t('fault.addAbort')}
                  </Button>
                )
              }
            </FieldRow>
            <ExpiryField />
          </div>
        </Stack>
      )}
    </Section>
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

/** Which requests shall meet the fault: the first question, so that it never meets more than was meant. */
function FaultScope({ path, onDone }: { readonly path: LayoutProps['path']; readonly onDone: () => void }) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const [scope, setScope] = useState<'header' | 'path' | 'all'>('header')
  const [header, setHeader] = useState('x-test')
  const [text, setText] = useState('')
  const http = path.slice(0, -1)
  const index = Number(path.at(-1))
  const named = readText(document, ...path, 'name') ?? t('rule.number', { number: index + 1 })
  const fault = { abort: { httpStatus: 503, percentage: { value: 100 } } }
  const ready = scope === 'all' || (text.trim() !== '' && (scope === 'path' || header.trim() !== ''))
  const start = () => {
    const narrow: Scope =
      scope === 'header' ? { headers: { [header.trim()]: text.trim() } } : { uriPrefix: text.trim() }
    edit(
      scope === 'all'
        ? setField(document, [...path, 'fault'], { delay: { fixedDelay: '2s', percentage: { value: 10 } } })
        : scopedFault(document, http, index, narrow, fault),
    )
    onDone()
  }
  return (
    <Stack gap={8} className={classes['nested']} py={4}>
      <Text size="sm">{t('fault.which')}</Text>
      <SegmentedControl
        size="xs"
        value={scope}
        onChange={(next) => setScope(next as typeof scope)}
        aria-label={t('fault.which')}
        data={(['header', 'path', 'all'] as const).map((one) => ({ value: one, label: t(`fault.scope.${one}`) }))}
      />
      {scope !== 'all' && (
        <Group gap={6}>
          {scope === 'header' && (
            <TextInput
              size="xs"
              w={140}
              value={header}
              aria-label={t('fault.header')}
              onChange={({ currentTarget }) => setHeader(currentTarget.value)}
            />
          )}
          <TextInput
            size="xs"
            value={text}
            placeholder={scope === 'path' ? '/api' : t('fault.headerValue')}
            aria-label={scope === 'path' ? t('fault.scope.path') : t('fault.headerValue')}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && ready && start()}
          />
        </Group>
      )}
      <Text size="xs" c="dimmed">
        {scope === 'all' ? t('fault.allHint', { rule: named }) : t('fault.scopeHint', { rule: named })}
      </Text>
      <Group gap={8}>
        <Button size="xs" disabled={!ready} onClick={start}>
          {t('fault.start')}
        </Button>
        {!ready && (
          <Text size="xs" c="dimmed">
            {t(scope === 'path' ? 'fault.needPath' : 'fault.needHeader')}
          </Text>
        )}
      </Group>
    </Stack>
  )
}
