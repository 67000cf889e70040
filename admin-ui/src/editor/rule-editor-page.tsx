import { Skeleton, Stack } from '@mantine/core'
import { IconFileUnknown } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import { isDeletion } from '../change/drafts.ts'
import { changeQueries } from '../change/queries.ts'
import { drafts, useDrafts } from '../change/use-drafts.ts'
import { findObject, type ObjectName } from '../forms/objects.ts'
import { Empty } from '../parts/empty.tsx'
import { AppLink } from '../parts/link.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { DeletedFile } from './deleted-file.tsx'
import { FileEditor } from './file-editor.tsx'

/** One object's file, with the object as a form. `file` in the address names the file where the object is not in force yet. */
export function RuleEditorPage() {
  const { t } = useTranslation('editor')
  const { kind = '', namespace = '', name = '' } = useParams({ strict: false })
  const object: ObjectName = { kind, namespace, name }
  const [view] = useView({ file: '' })
  const rules = useQuery(changeQueries.rules())
  const all = useDrafts()
  const entry = rules.data?.rules.find((one) => one.key === `${kind}/${namespace}/${name}`)
  const file =
    view.file ||
    entry?.file ||
    all.find(({ text, before }) => findObject(text ?? before ?? '', object, namespace))?.file ||
    ''
  const draft = file ? drafts.get(file) : undefined
  const text = useQuery({ ...changeQueries.text(file), enabled: file !== '' })
  const isNew = text.error instanceof ApiProblem && text.error.status === 404 && draft !== undefined
  const title = `${kind} ${namespace}/${name}`
  if (rules.error || (text.error && !isNew))
    return (
      <Page title={title}>
        <ProblemAlert error={rules.error ?? text.error} retry={() => void (rules.error ? rules : text).refetch()} />
      </Page>
    )
  if (file === '' && rules.data)
    return (
      <Page title={title}>
        <Empty icon={IconFileUnknown} title={t('missing.title')}>
          {t(entry ? 'missing.noFile' : 'missing.lead')}{' '}
          <AppLink href="/rules" underline="always">
            {t('missing.rules')}
          </AppLink>
        </Empty>
      </Page>
    )
  if (file === '' || (!text.data && !isNew))
    return (
      <Page title={title}>
        <Stack>
          <Skeleton h={36} />
          <Skeleton h={420} />
        </Stack>
      </Page>
    )
  if (text.data?.withheld)
    return (
      <Page title={title}>
        <Empty icon={IconFileUnknown} title={t(`withheld.${text.data.withheld}`)} />
      </Page>
    )
  if (draft && draft.text === undefined && (isDeletion(draft) || isNew))
    return <DeletedFile title={title} draft={draft} />
  // A file that went keeps its last answer.
  const current =
    text.data && !isNew ? { text: text.data.text, revision: text.data.revision, path: text.data.path } : undefined
  return <FileEditor key={`${file} ${title}`} file={file} object={object} current={current} />
}
