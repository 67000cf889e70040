import { Button, Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Dialog } from '../parts/dialog.tsx'
import type { Sharing } from '../yaml/index.ts'

/** A value that is written once and used in several places: shall it change here, or everywhere? */
export function SharingQuestion({
  opened,
  onAnswer,
}: {
  readonly opened: boolean
  /** Without a value the question was closed. */
  readonly onAnswer: (how?: Sharing) => void
}) {
  const { t } = useTranslation('editor')
  return (
    <Dialog opened={opened} onClose={() => onAnswer()} title={t('sharing.title')}>
      <Text size="sm">{t('sharing.lead')}</Text>
      <Group mt="md">
        <Button onClick={() => onAnswer('here')}>{t('sharing.here')}</Button>
        <Button variant="default" onClick={() => onAnswer('everywhere')}>
          {t('sharing.everywhere')}
        </Button>
      </Group>
    </Dialog>
  )
}
