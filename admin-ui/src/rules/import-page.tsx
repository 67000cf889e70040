import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { drafts } from '../change/use-drafts.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import type { Dropped } from './dropped.ts'
import { ImportSource } from './import-source.tsx'
import { ImportedTable } from './imported-table.tsx'
import { takeImport } from './take-import.ts'
import { useImported } from './use-imported.ts'

/** As Kubernetes names namespaces: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const NOTHING: Dropped = { files: [], leftOut: 0 }

/** Rules from somewhere else: pasted or dropped, looked at one by one, then planned together as one change. */
export function ImportPage() {
  const { t } = useTranslation('rules')
  const router = useRouter()
  const mayNot = useMayNot()
  const { data: listed } = useQuery(queries.documents())
  const { data: about } = useQuery(queries.about())
  const [text, setText] = useState('')
  const [namespace, setNamespace] = useState('')
  const [dropped, setDropped] = useState(NOTHING)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const documents = useImported(text, dropped, NAMESPACE.test(namespace) ? namespace : '')
  const usable = documents.filter(({ file }) => file !== undefined)
  const receive = async (coming: Promise<Dropped> | undefined) => {
    setError(undefined)
    try {
      setDropped((await coming) ?? NOTHING)
    } catch (problem) {
      setError(problem)
    }
  }
  const take = async () => {
    if (!listed) return
    setBusy(true)
    setError(undefined)
    try {
      const made = await takeImport(usable, listed, drafts)
      if (made.length > 0) router.history.push('/changes/new')
      else setError(new Error(t('import.nothing')))
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Page title={t('import.title')} lead={t('import.lead')}>
      <ImportSource text={text} onText={setText} dropped={dropped} onDropped={(coming) => void receive(coming)} />
      <TextInput
        label={t('import.namespace')}
        description={t('import.namespaceHint')}
        placeholder={about?.defaultNamespace ?? ''}
        maw={340}
        value={namespace}
        error={namespace !== '' && !NAMESPACE.test(namespace) && t('import.namespaceWrong')}
        onChange={({ currentTarget }) => setNamespace(currentTarget.value.trim())}
      />
      {documents.length > 0 && <ImportedTable documents={documents} />}
      <Stack gap="sm">
        {error !== undefined && <ProblemAlert error={error} />}
        <Group>
          <Button
            disabled={mayNot !== undefined || usable.length === 0}
            loading={busy || (usable.length > 0 && !listed)}
            onClick={() => void take()}
          >
            {t('import.take', { count: usable.length })}
          </Button>
          {mayNot && (
            <Text size="sm" c="dimmed">
              {mayNot}
            </Text>
          )}
        </Group>
      </Stack>
    </Page>
  )
}
