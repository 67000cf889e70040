import { Button, Group } from '@mantine/core'
import { IconFileX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { type Draft, isDeletion } from '../change/drafts.ts'
import { drafts } from '../change/use-drafts.ts'
import { Empty } from '../parts/empty.tsx'
import { AppLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'

export interface DeletedFileProps {
  readonly title: string
  /** Without a text: it deletes the file, or others did and it has the text from before. */
  readonly draft: Draft
}

/** In place of an editor where there is nothing to edit, with the way back. */
export function DeletedFile({ title, draft }: DeletedFileProps) {
  const { t } = useTranslation('editor')
  const mayEdit = useMayEdit()
  const { file, before } = draft
  const deletes = isDeletion(draft)
  return (
    <Page title={title}>
      <Empty icon={IconFileX} title={t(deletes ? 'deletion.title' : 'deletion.gone', { file })}>
        <Group justify="center" gap="sm">
          {deletes && (
            <Button variant="default" disabled={!mayEdit} onClick={() => drafts.drop(file)}>
              {t('deletion.keep')}
            </Button>
          )}
          {before !== undefined && (
            <Button
              variant="default"
              disabled={!mayEdit}
              onClick={() => drafts.put({ ...draft, text: before, savedAt: Date.now() })}
            >
              {t('deletion.before')}
            </Button>
          )}
          <AppLink href={deletes ? '/changes/new' : '/rules'} underline="always">
            {t(deletes ? 'deletion.review' : 'missing.rules')}
          </AppLink>
        </Group>
      </Empty>
    </Page>
  )
}
