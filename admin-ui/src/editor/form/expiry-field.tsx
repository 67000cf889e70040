import { Button, Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { setField } from '../../forms/edits.ts'
import { EXPIRES_AT, expiryIn } from '../../forms/expiry.ts'
import { read } from '../../forms/schema.ts'
import { useNow } from '../../parts/time.tsx'
import { countdown } from '../../parts/time-text.ts'
import { FieldRow } from './field-row.tsx'
import { useForm } from './form-context.tsx'
import { ScalarControl } from './scalar-control.tsx'

const MINUTES = [5, 15, 30, 60] as const
const PATH = ['metadata', 'annotations', EXPIRES_AT]

/** When faults and mirrors of this document end by themselves. */
export function ExpiryField() {
  const { t } = useTranslation('editor')
  const { value: document, edit, readOnly } = useForm()
  const now = useNow()
  const at = read(document, ...PATH)
  const time = typeof at === 'string' ? Date.parse(at) : Number.NaN
  const set = (value: string | undefined) => edit(setField(document, PATH, value))
  return (
    <FieldRow
      name={EXPIRES_AT}
      path={PATH}
      schema={{ type: 'string', description: t('expiry.doc') }}
      onClear={at === undefined ? undefined : () => set(undefined)}
    >
      {(ids) => (
        <Group gap={6}>
          {at !== undefined && (
            <>
              <ScalarControl
                control="text"
                {...ids}
                schema={undefined}
                value={at}
                onChange={(next) => set(String(next))}
              />
              <Text size="xs" className="number" c={Number.isNaN(time) ? 'red' : 'dimmed'}>
                {Number.isNaN(time)
                  ? t('expiry.notTime')
                  : time > now
                    ? t('expiry.left', { left: countdown(time - now) })
                    : t('expiry.over')}
              </Text>
            </>
          )}
          {!readOnly &&
            MINUTES.map((minutes) => (
              <Button
                key={minutes}
                size="compact-xs"
                variant="default"
                onClick={() => set(expiryIn(minutes * 60_000, Date.now()))}
              >
                {t('expiry.in', { minutes })}
              </Button>
            ))}
          {at === undefined && (
            <Text size="xs" c="dimmed">
              {t('expiry.never')}
            </Text>
          )}
        </Group>
      )}
    </FieldRow>
  )
}
