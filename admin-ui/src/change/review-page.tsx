import { Alert, Badge, Button, Card, Checkbox, Group, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconAlertTriangle, IconBasket, IconCheck, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { ApiProblem } from '../api/problem.ts'
import { useMayEdit } from '../app/session-gate.tsx'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { Empty } from '../parts/empty.tsx'
import { AppLink } from '../parts/link.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { useView } from '../parts/view.ts'
import { Applied } from './applied.tsx'
import { dangerousNames } from './blast-radius.ts'
import { ConflictPanel } from './conflict-panel.tsx'
import { type Draft, isChanged, sentFile } from './drafts.ts'
import { editHref } from './edit-href.ts'
import { Impact } from './impact.tsx'
import { MeaningList } from './meaning-list.tsx'
import { drafts, useDrafts } from './use-drafts.ts'
import { conflictOf, usePlan } from './use-plan.ts'

/** From drafts to a revision: what they do, whom they hit, why, and then how far they have come. */
export function ReviewPage() {
  const { t } = useTranslation('change')
  const [view, setView] = useView({ applied: '', without: '' })
  const waiting = useDrafts().filter(isChanged)
  const left = useMemo(() => new Set(view.without.split('\n').filter(Boolean)), [view.without])
  const chosen = waiting.filter(({ file }) => !left.has(file))
  const applied = Number(view.applied)
  return (
    <Page
      title={applied > 0 ? t('applied.title', { revision: applied }) : t('title')}
      lead={applied > 0 ? undefined : t('lead')}
    >
      {applied > 0 && <Applied key={applied} revision={applied} />}
      {waiting.length === 0 && applied === 0 && (
        <Empty icon={IconBasket} title={t('empty.title')}>
          {t('empty.lead')} <AppLink href="/rules">{t('empty.rules')}</AppLink>
        </Empty>
      )}
      {waiting.length > 0 && (
        <>
          {applied > 0 && <Title order={2}>{t('more')}</Title>}
          <BasketCard
            waiting={waiting}
            left={left}
            onChoose={(file, on) => {
              const next = new Set(left)
              if (on) next.delete(file)
              else next.add(file)
              setView({ without: [...next].join('\n') })
            }}
          />
          {chosen.length > 0 && (
            <Review
              chosen={chosen}
              onApplied={(revision) => {
                for (const { file } of chosen) drafts.drop(file)
                setView({ applied: String(revision), without: '' })
              }}
            />
          )}
        </>
      )}
    </Page>
  )
}

function BasketCard({
  waiting,
  left,
  onChoose,
}: {
  readonly waiting: readonly Draft[]
  readonly left: ReadonlySet<string>
  readonly onChoose: (file: string, on: boolean) => void
}) {
  const { t } = useTranslation('change')
  return (
    <Card withBorder>
      <Stack gap={6}>
        {waiting.map((draft) => (
          <Group key={draft.file} gap="sm" wrap="nowrap">
            <Checkbox
              checked={!left.has(draft.file)}
              onChange={({ currentTarget }) => onChoose(draft.file, currentTarget.checked)}
              label={
                <Text size="sm" ff="monospace">
                  {draft.file}
                </Text>
              }
            />
            <Badge variant="default" size="sm">
              {t(
                draft.baseText === undefined
                  ? 'draft.new'
                  : draft.text === undefined
                    ? 'draft.deleted'
                    : 'draft.changed',
              )}
            </Badge>
            <Text size="xs" c="dimmed">
              <Time at={new Date(draft.savedAt).toISOString()} /> · {t('draft.base', { revision: draft.base })}
            </Text>
            <Group gap={4} ml="auto" wrap="nowrap">
              {draft.text !== undefined && (
                <AppLink href={editHref(draft)} size="sm">
                  {t('draft.edit')}
                </AppLink>
              )}
              <Button
                size="compact-xs"
                variant="subtle"
                color="gray"
                leftSection={<IconTrash size={13} />}
                onClick={() => drafts.drop(draft.file)}
              >
                {t('draft.drop')}
              </Button>
            </Group>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}

function Review({
  chosen,
  onApplied,
}: {
  readonly chosen: readonly Draft[]
  readonly onApplied: (revision: number) => void
}) {
  const { t } = useTranslation('change')
  const client = useQueryClient()
  const mayEdit = useMayEdit()
  const changes = useMemo(() => chosen.map(sentFile), [chosen])
  // The oldest base: whatever changed in one of the files since then is a conflict.
  const base = Math.min(...chosen.map((one) => one.base))
  const [round, setRound] = useState(0)
  const { plan, conflict: planned, error, pending } = usePlan(changes, base, round, 0)
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>(undefined)
  const reasonField = useRef<HTMLTextAreaElement>(null)
  const conflict = planned ?? conflictOf(failure)
  const names = dangerousNames(plan?.meaning ?? [])
  const confirmed = names.length === 0 || names.every((name) => typed.split(/[\s,]+/).includes(name))
  const missing = !mayEdit
    ? t('apply.mayNot')
    : pending || !plan
      ? t('apply.waiting')
      : plan.newErrors.length > 0
        ? t('apply.errors')
        : reason.trim() === ''
          ? t('apply.reasonNeeded')
          : confirmed
            ? undefined
            : t('apply.confirmNeeded')
  const apply = async () => {
    if (missing !== undefined || !plan || busy) {
      if (reason.trim() === '') reasonField.current?.focus()
      return
    }
    setBusy(true)
    setFailure(undefined)
    try {
      const body = { plan: plan.plan, base, changes: changes.map((one) => ({ ...one })), reason: reason.trim() }
      const { id } = await ask(api.POST('/api/v1/apply', { body }))
      for (const queryKey of [['documents'], ['rules'], ['revisions']]) void client.invalidateQueries({ queryKey })
      onApplied(id)
    } catch (problem) {
      setFailure(problem)
      // What was planned is no longer what would happen: look again.
      if (problem instanceof ApiProblem && problem.status === 409) setRound((now) => now + 1)
    } finally {
      setBusy(false)
    }
  }
  useHotkeys([['mod+Enter', () => void apply()]], [])
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
                setFailure(undefined)
                setRound(round + 1)
              }}
            />
          )
        )
      })}
      {error !== undefined && <ProblemAlert error={error} retry={() => setRound(round + 1)} />}
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
            onChange={({ currentTarget }) => setReason(currentTarget.value)}
          />
          {names.length > 0 && (
            <TextInput
              label={t('apply.confirm', { names: names.join(' ') })}
              description={t('apply.confirmHint')}
              value={typed}
              onChange={({ currentTarget }) => setTyped(currentTarget.value)}
              data-confirm
            />
          )}
          <Group gap="sm">
            <Button
              leftSection={<IconCheck size={16} />}
              color={names.length > 0 ? 'red' : 'mesh'}
              disabled={missing !== undefined}
              loading={busy}
              onClick={() => void apply()}
              data-apply
            >
              {t('apply.button', { count: chosen.length })}
            </Button>
            <Text size="sm" c="dimmed" aria-live="polite">
              {missing ?? t('apply.key')}
            </Text>
          </Group>
        </Stack>
      </Card>
    </Stack>
  )
}
