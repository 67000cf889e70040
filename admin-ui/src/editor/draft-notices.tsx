import { Button, Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ConflictPanel } from '../change/conflict-panel.tsx'
import type { Draft } from '../change/drafts.ts'

export interface DraftNoticesProps {
  /** As it is in the editor. */
  readonly draft: Draft
  /** What others made of the file meanwhile; undefined where nobody did. */
  readonly others: { readonly theirs: string | undefined; readonly revision: number } | undefined
  readonly onResolved: (next: Draft) => void
  readonly onText: (text: string) => void
}

/** What to know of a draft besides its text: others changed the file, or it was brought together with what they did. */
export function DraftNotices({ draft, others, onResolved, onText }: DraftNoticesProps) {
  const { t } = useTranslation('editor')
  const { before } = draft
  return (
    <>
      {others && (
        <ConflictPanel draft={draft} theirs={others.theirs} revision={others.revision} onResolved={onResolved} />
      )}
      {before !== undefined && before !== draft.text && (
        <Group gap="xs">
          <Text size="sm">{t('draft.merged')}</Text>
          <Button size="compact-xs" variant="default" onClick={() => onText(before)}>
            {t('draft.before')}
          </Button>
        </Group>
      )}
    </>
  )
}
