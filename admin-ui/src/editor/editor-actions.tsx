import { Button, SegmentedControl } from '@mantine/core'
import { IconArrowRight, IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

export interface EditorActionsProps {
  readonly view: string
  readonly onView: (view: string) => void
  readonly changed: boolean
  /** Why nothing can be changed here. */
  readonly mayNot: string | undefined
  readonly onDiscard: () => void
  readonly onReview: () => void
  /** The ways out of the text. */
  readonly copy: ReactNode
}

/** What can be done with the whole file: how it is shown, where it goes. */
export function EditorActions({ view, onView, changed, mayNot, onDiscard, onReview, copy }: EditorActionsProps) {
  const { t } = useTranslation('editor')
  return (
    <>
      <SegmentedControl
        size="xs"
        value={view}
        onChange={onView}
        aria-label={t('view.label')}
        data={(['form', 'split', 'yaml'] as const).map((one) => ({ value: one, label: t(`view.${one}`) }))}
      />
      {copy}
      {changed && (
        <Button size="xs" variant="default" leftSection={<IconTrash size={15} />} onClick={onDiscard}>
          {t('draft.discard')}
        </Button>
      )}
      <Button
        size="xs"
        rightSection={<IconArrowRight size={15} />}
        disabled={!changed || mayNot !== undefined}
        title={mayNot ?? t(changed ? 'review.hint' : 'review.unchanged')}
        onClick={onReview}
      >
        {t('review.button')}
      </Button>
    </>
  )
}
