import { Button, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { formatDuration } from '../../forms/duration.ts'
import { setField } from '../../forms/edits.ts'
import { fieldsOf } from '../../forms/fields.ts'
import { conditionsOf, RETRY_CONDITIONS, worstCase, worstCaseLine } from '../../forms/retry.ts'
import { read, readText, schemaAt } from '../../forms/schema.ts'
import { AddButton } from './add-button.tsx'
import { FaultEditor } from './fault-editor.tsx'
import { FieldRow } from './field-row.tsx'
import { useForm } from './form-context.tsx'
import type { LayoutProps } from './layout-context.ts'
import { MirrorEditor } from './mirror-editor.tsx'
import { FieldForm, ListForm, ObjectForm } from './object-form.tsx'
import { ScalarControl } from './scalar-control.tsx'
import { Section } from './section.tsx'
import { SplitEditor } from './split-editor.tsx'

const OWN = ['match', 'route', 'fault', 'timeout', 'retries', 'mirror', 'mirrors', 'mirrorPercent', 'mirrorPercentage']

/** A rule for HTTP: which requests, where they go, what is done to them. */
export function HttpRule({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit } = useForm()
  const field = (name: string) => fieldsOf(schema, value, path).find((one) => one.name === name)!
  const match = field('match')
  const route = field('route')
  const elsewhere = ['redirect', 'directResponse', 'delegate'].some((name) => read(value, name) !== undefined)
  return (
    <Stack gap={0} mt={6}>
      <Section
        title={t('section.match')}
        field="match"
        on={match.value !== undefined}
        onToggle={(on) => edit(setField(document, match.path, on ? [{ uri: { prefix: '/' } }] : undefined))}
      >
        <ListForm path={match.path} schema={match.schema!} value={match.value} />
      </Section>
      {(route.value !== undefined || !elsewhere) && (
        <Section title={t('section.split')} field="route">
          <SplitEditor path={route.path} schema={route.schema!} value={route.value} />
        </Section>
      )}
      <FaultEditor path={path} schema={schema} value={value} />
      <Retry path={path} schema={schema} value={value} />
      <MirrorEditor path={path} schema={schema} value={value} />
      <Section title={t('section.more')} field="…">
        <ObjectForm path={path} schema={schema} value={value} except={OWN} />
      </Section>
    </Stack>
  )
}

/** Timeout and retries, with the longest a caller can wait. */
function Retry({ path, schema, value }: LayoutProps) {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const fields = fieldsOf(schema, value, path)
  const timeout = fields.find(({ name }) => name === 'timeout')!
  const retries = fields.find(({ name }) => name === 'retries')!
  const worst = worstCase(value)
  const retryOn = conditionsOf(readText(value, 'retries', 'retryOn'))
  const retryOnSchema = schemaAt(retries.schema, ['retryOn'])
  return (
    <Section
      title={t('section.retry')}
      field="timeout, retries"
      actions={
        <Text size="xs" c={worst.cut ? 'orange' : 'dimmed'} ff="monospace" data-worst>
          {worst.total === undefined
            ? t('retry.unbounded')
            : t('retry.worst', { line: worstCaseLine(worst), total: formatDuration(worst.total) })}
        </Text>
      }
    >
      <FieldForm field={timeout} />
      {worst.cut && (
        <Text size="xs" c="orange" px={8}>
          {t('retry.cut')}
        </Text>
      )}
      {retries.value === undefined ? (
        !readOnly && (
          <AddButton
            onClick={() =>
              edit(
                setField(document, retries.path, {
                  attempts: 2,
                  perTryTimeout: '2s',
                  retryOn: 'connect-failure,refused-stream,unavailable',
                }),
              )
            }
          >
            {t('retry.add')}
          </AddButton>
        )
      ) : (
        <>
          <ObjectForm path={retries.path} schema={retries.schema!} value={retries.value} except={['retryOn']} />
          <FieldRow
            name="retryOn"
            path={[...retries.path, 'retryOn']}
            schema={retryOnSchema}
            onClear={
              retryOn.length > 0 ? () => edit(setField(document, [...retries.path, 'retryOn'], undefined)) : undefined
            }
          >
            {(ids) => (
              <ScalarControl
                control="texts"
                {...ids}
                schema={retryOnSchema}
                value={retryOn}
                suggestions={RETRY_CONDITIONS}
                onChange={(next) => {
                  const all = next as readonly string[]
                  edit(setField(document, [...retries.path, 'retryOn'], all.length > 0 ? all.join(',') : undefined))
                }}
              />
            )}
          </FieldRow>
          {!readOnly && (
            <Button
              size="compact-xs"
              variant="subtle"
              color="gray"
              onClick={() => edit(setField(document, retries.path, undefined))}
            >
              {t('retry.remove')}
            </Button>
          )}
        </>
      )}
    </Section>
  )
}
