import { Button, Card, Group, Stack, Text, Textarea } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries } from '../api/queries.ts'
import { Dialog } from '../parts/dialog.tsx'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useMayNot } from '../parts/may-edit.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { Convergence } from './convergence.tsx'
import { TrafficAfter } from './figures.tsx'

/** A revision that was just written: how far it has come, and the way back. */
export function Applied({ revision }: { readonly revision: number }) {
  const { t } = useTranslation('change')
  const { data: revisions } = useQuery(queries.revisions())
  const found = revisions?.find(({ id }) => id === revision)
  const mayNot = useMayNot()
  const [asking, setAsking] = useState(false)
  return (
    <Stack gap="lg">
      <Card withBorder>
        <Group justify="space-between">
          <div>
            <Text fw={600}>{found?.why ?? t('applied.written', { revision })}</Text>
            <Text size="sm" c="dimmed">
              {t('applied.lead')}{' '}
              <AppLink href={revisionHref(revision)} underline="always">
                {t('applied.page')}
              </AppLink>
            </Text>
          </div>
          <Button
            variant="default"
            leftSection={<IconArrowBackUp size={16} />}
            disabled={mayNot !== undefined}
            title={mayNot}
            onClick={() => setAsking(true)}
            data-undo
          >
            {t('undo.button')}
          </Button>
        </Group>
      </Card>
      <Convergence revision={revision} />
      <TrafficAfter revision={revision} />
      <UndoDialog revision={revision} why={found?.why ?? ''} opened={asking} onClose={() => setAsking(false)} />
    </Stack>
  )
}

/** Takes back what a revision did, as a new revision with a reason. */
function UndoDialog({
  revision,
  why,
  opened,
  onClose,
}: {
  readonly revision: number
  readonly why: string
  readonly opened: boolean
  readonly onClose: () => void
}) {
  const { t } = useTranslation('change')
  const router = useRouter()
  const client = useQueryClient()
  const [reason, setReason] = useState<string | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const text = reason ?? t('undo.reason', { revision, why })
  const undo = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const { plan } = await ask(api.POST('/api/v1/plan', { body: { undo: revision } }))
      const { id } = await ask(api.POST('/api/v1/rollback', { body: { undo: revision, plan, reason: text.trim() } }))
      for (const queryKey of [['documents'], ['rules'], ['revisions']]) void client.invalidateQueries({ queryKey })
      onClose()
      router.history.push(`/changes/new?applied=${id}`)
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog opened={opened} onClose={onClose} title={t('undo.title', { revision })}>
      <Stack gap="sm">
        <Text size="sm">{t('undo.lead')}</Text>
        <Textarea
          label={t('apply.reason')}
          autosize
          minRows={2}
          value={text}
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
          data-autofocus
        />
        {error !== undefined && <ProblemAlert error={error} />}
        <Group>
          <Button loading={busy} disabled={text.trim() === ''} onClick={() => void undo()} data-undo-confirm>
            {t('undo.button')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
