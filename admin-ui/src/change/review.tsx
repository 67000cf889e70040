import { Alert, Button, Card, Group, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { useMayNot } from '../parts/may-edit.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { dangerousNames } from './blast-radius.ts'
import { ConflictPanel } from './conflict-panel.tsx'
import { type Draft, sentFile } from './drafts.ts'
import { Impact } from './impact.tsx'
import { MeaningList } from './meaning-list.tsx'
import { useApply } from './use-apply.ts'
import { drafts } from './use-drafts.ts'
import { conflictOf, usePlan } from './use-plan.ts'

/** What chosen drafts do, whom they hit, and the step that writes them. */
export function Review({
  chosen,
  onApplied,
}: {
  readonly chosen: readonly Draft[]
  readonly onApplied: (revision: number) => void
}) {
  const { t } = useTranslation('change')
  const mayNot = useMayNot()
  const changes = useMemo(() => chosen.map(sentFile), [chosen])
  // The oldest base: whatever changed in one of the files since then is a conflict.
  const base = Math.min(...chosen.map((one) => one.base))
  const [round, setRound] = useState(0)
  const replan = () => setRound((now) => now + 1)
  const planning = usePlan(changes, base, round, 0)
  const { plan, conflict: planned, error, pending } = planning
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const reasonField = useRef<HTMLTextAreaElement>(null)
  const confirmField = useRef<HTMLInputElement>(null)
  // What has errors cannot be applied: there is nothing to confirm.
  const names = plan && plan.newErrors.length === 0 ? dangerousNames(plan.meaning) : []
  const confirmed = names.length === 0 || names.every((name) => typed.split(/[\s,]+/).includes(name))
  const missing =
    mayNot ??
    (plan && plan.newErrors.length > 0
      ? t('apply.errors')
      : reason.trim() === ''
        ? t('apply.reasonNeeded')
        : confirmed
          ? undefined
          : t('apply.confirmNeeded'))
  const applying = useApply({ planning, changes, base, reason, missing, replan, onApplied })
  const { failure, wished, forget } = applying
  const conflict = planned ?? conflictOf(failure)
  const waiting = pending || !plan
  // There is no plan, and none is coming.
  const stuck = !pending && (!plan || error !== undefined || planned !== undefined)
  const apply = () => {
    if (mayNot === undefined && reason.trim() === '') reasonField.current?.focus()
    else if (missing !== undefined && !confirmed) confirmField.current?.focus()
    applying.apply()
  }
  useHotkeys([['mod+Enter', apply]], [])
  return (
    <Stack gap="lg">
      {conflict?.conflicts?.map(({ file, theirs }) => {
        const draft = chosen.find((one) => one.file === file)
        return (
          draft && (
            <ConflictPanel
              key={file}
              draft={draft}
              theirs={theirs}
              revision={conflict.revision ?? base}
              onResolved={(next) => {
                drafts.put(next)
                forget()
                replan()
              }}
            />
          )
        )
      })}
      {error !== undefined && <ProblemAlert error={error} retry={replan} />}
      {failure !== undefined && !conflictOf(failure) && <ProblemAlert error={failure} />}
      {plan && (
        <div style={{ opacity: pending ? 0.6 : 1 }} data-planned={pending ? undefined : plan.plan}>
          <Stack gap="lg">
            <Card withBorder>
              <Title order={2} mb="sm">
                {t('section.meaning')}
              </Title>
              <MeaningList meaning={plan.meaning} />
            </Card>
            {plan.newErrors.length > 0 && (
              <Alert
                color="red"
                variant="light"
                icon={<IconAlertTriangle />}
                title={t('newErrors', { count: plan.newErrors.length })}
                role="alert"
              >
                <Stack gap="sm">
                  {plan.newErrors.slice(0, 20).map((one) => (
                    <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
                  ))}
                </Stack>
              </Alert>
            )}
            <Card withBorder>
              <Title order={2} mb="sm">
                {t('section.impact')}
              </Title>
              <Impact plan={plan} />
            </Card>
            <section>
              <Title order={2} mb="sm">
                {t('section.diff')}
              </Title>
              <FileDiffs files={plan.files} />
            </section>
          </Stack>
        </div>
      )}
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
          {applying.asking && (
            <Alert color="orange" variant="light" icon={<IconAlertTriangle />} role="alert" data-asking>
              {t('apply.asking')}
            </Alert>
          )}
          <Group gap="sm">
            <Button
              leftSection={<IconCheck size={16} />}
              color={names.length > 0 ? 'red' : 'mesh'}
              disabled={missing !== undefined || stuck}
              loading={applying.busy || wished}
              onClick={apply}
              data-apply
            >
              {t('apply.button', { count: chosen.length })}
            </Button>
            <Text size="sm" c="dimmed" aria-live="polite">
              {wished ? t('apply.wished') : (missing ?? (waiting ? t('apply.waiting') : t('apply.key')))}
            </Text>
            {wished && (
              <Button size="compact-sm" variant="subtle" color="gray" onClick={forget}>
                {t('apply.forget')}
              </Button>
            )}
          </Group>
        </Stack>
      </Card>
    </Stack>
  )
}
