import { Alert, Button, Card, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { isStuck } from './approval.ts'
import type { Apply } from './use-apply.ts'
import type { Approval } from './use-approval.ts'
import type { PlanState } from './use-plan.ts'

/** Why a change is made, and the button that makes it. */
export function ApplyCard({
  files,
  planning,
  approval: { reason, setReason, names, typed, setTyped, next, missing },
  applying: { apply, busy, wished, asking, forget },
}: {
  /** How many are written. */
  readonly files: number
  readonly planning: PlanState
  readonly approval: Approval
  readonly applying: Apply
}) {
  const { t } = useTranslation('change')
  const reasonField = useRef<HTMLTextAreaElement>(null)
  const confirmField = useRef<HTMLInputElement>(null)
  const { plan, pending } = planning
  const submit = () => {
    if (next === 'reason') reasonField.current?.focus()
    else if (next === 'names') confirmField.current?.focus()
    apply()
  }
  useHotkeys([['mod+Enter', submit]], [])
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Textarea
          ref={reasonField}
          label={t('apply.reason')}
          description={t('apply.reasonHint')}
          required
          autosize
          minRows={2}
          maxLength={2_000}
          value={reason}
          onChange={({ currentTarget }) => {
            forget()
            setReason(currentTarget.value)
          }}
        />
        {names.length > 0 && (
          <TextInput
            ref={confirmField}
            label={t('apply.confirm', { names: names.join(' ') })}
            description={t('apply.confirmHint')}
            value={typed}
            onChange={({ currentTarget }) => setTyped(currentTarget.value)}
            data-confirm
          />
        )}
        {asking && (
          <Alert color="orange" variant="light" icon={<IconAlertTriangle />} role="alert" data-asking>
            {t('apply.asking')}
          </Alert>
        )}
        <Group gap="sm">
          <Button
            leftSection={<IconCheck size={16} />}
            color={names.length > 0 ? 'red' : 'mesh'}
            disabled={missing !== undefined || isStuck(planning)}
            loading={busy || wished}
            onClick={submit}
            data-apply
          >
            {t('apply.button', { count: files })}
          </Button>
          <Text size="sm" c="dimmed" aria-live="polite">
            {wished ? t('apply.wished') : (missing ?? (pending || !plan ? t('apply.waiting') : t('apply.key')))}
          </Text>
          {wished && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={forget}>
              {t('apply.forget')}
            </Button>
          )}
        </Group>
      </Stack>
    </Card>
  )
}
