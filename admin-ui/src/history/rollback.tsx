import { Alert, Button, Group, List, Loader, Stack, Text, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle, IconArrowBackUp } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { currentLanguage } from '../i18n/index.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { revisionHref } from '../parts/hrefs.ts'
import { ProblemAlert } from '../parts/problem.tsx'

/** Back to the state after a revision, or the opposite of one revision. */
export type Step = { readonly to: number } | { readonly undo: number }

export interface RollbackButtonProps {
  readonly step: Step
  /** The newest revision. */
  readonly head: number
  readonly compact?: boolean
}

/** Going back is a change like any other: what it does is shown against what is now, and it takes a reason. */
export function RollbackButton({ step, head, compact = false }: RollbackButtonProps) {
  const { t } = useTranslation('history')
  const [opened, { open, close }] = useDisclosure()
  const undo = 'undo' in step
  if (!undo && step.to === head) return null
  const label = undo ? t('undo') : t('goBack')
  return (
    <>
      <Button
        size={compact ? 'compact-xs' : 'sm'}
        variant={compact ? 'subtle' : 'default'}
        leftSection={compact ? undefined : <IconArrowBackUp size={16} />}
        {...(undo ? { 'aria-label': t('undoRevision', { id: step.undo }) } : {})}
        onClick={open}
      >
        {label}
      </Button>
      <Dialog
        opened={opened}
        onClose={close}
        size="xl"
        title={undo ? t('undoRevision', { id: step.undo }) : t('goBackTo', { id: step.to })}
      >
        {opened && <Rollback step={step} close={close} />}
      </Dialog>
    </>
  )
}

function Rollback({ step, close }: { readonly step: Step; readonly close: () => void }) {
  const { t } = useTranslation('history')
  const client = useQueryClient()
  const router = useRouter()
  const [reason, setReason] = useState('')
  const plan = useQuery({
    queryKey: ['plan', step],
    staleTime: 0,
    gcTime: 0,
    queryFn: ({ signal }) => ask(api.POST('/api/v1/plan', { body: step, signal })),
  })
  const rollback = useMutation({
    mutationFn: () =>
      ask(api.POST('/api/v1/rollback', { body: { ...step, plan: plan.data!.plan, reason: reason.trim() } })),
    onSuccess: ({ id }) => {
      void client.invalidateQueries({ queryKey: ['revisions'] })
      close()
      router.history.push(revisionHref(id))
    },
  })
  if (plan.error) return <ProblemAlert error={plan.error} />
  if (!plan.data) return <Loader />
  const { files, meaning, newErrors, proxies } = plan.data
  return (
    <Stack>
      <Text size="sm">{'undo' in step ? t('undoText', { id: step.undo }) : t('goBackText', { id: step.to })}</Text>
      {newErrors.length > 0 && (
        <Alert color="red" icon={<IconAlertTriangle />} title={t('newErrors')}>
          {newErrors.slice(0, 5).map((one) => (
            <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
          ))}
        </Alert>
      )}
      {meaning.length > 0 && (
        <List size="sm">
          {meaning.map(({ text, danger }) => (
            <List.Item key={text.en} c={danger ? 'var(--mantine-color-error)' : 'inherit'}>
              {text[currentLanguage()]}
            </List.Item>
          ))}
        </List>
      )}
      <Text size="sm" c="dimmed">
        {t('hits', { count: proxies.length })}
      </Text>
      <FileDiffs files={files} />
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (reason.trim() !== '') rollback.mutate()
        }}
      >
        <Stack gap="sm">
          <Textarea
            label={t('reason')}
            description={t('reasonHint')}
            required
            autosize
            minRows={2}
            data-autofocus
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {rollback.error && <ProblemAlert error={rollback.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('cancel')}
            </Button>
            <Button type="submit" color="#b83a0a" loading={rollback.isPending} disabled={newErrors.length > 0}>
              {t('confirm')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Stack>
  )
}
