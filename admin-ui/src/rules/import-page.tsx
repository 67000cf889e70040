import { Badge, Button, Card, Code, FileButton, Group, Stack, Table, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import { drafts } from '../change/use-drafts.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { chosenFiles, type Dropped, droppedFiles } from './dropped.ts'
import { importDrafts, type KnownFile, readImport } from './import.ts'

/** As Kubernetes names namespaces: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const NOTHING: Dropped = { files: [], leftOut: 0 }
const MOST_SHOWN = 500

const COLOURS = { new: 'teal', changed: 'blue', same: 'gray', unsupported: 'yellow', broken: 'red' } as const

/** Rules from somewhere else: pasted or dropped, looked at one by one, then planned together as one change. */
export function ImportPage() {
  const { t } = useTranslation('rules')
  const router = useRouter()
  const mayNot = useMayNot()
  const { data: kinds } = useQuery(changeQueries.kinds())
  const { data: rules } = useQuery(changeQueries.rules())
  const { data: listed } = useQuery(queries.documents())
  const { data: about } = useQuery(queries.about())
  const [text, setText] = useState('')
  const [namespace, setNamespace] = useState('')
  const [dropped, setDropped] = useState<Dropped>(NOTHING)
  const [over, setOver] = useState(false)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const fileOf = useMemo(() => {
    const files = new Map(rules?.rules.map(({ key, file }) => [key, file]))
    return (key: string) => files.get(key)
  }, [rules])
  const newFile = freeName('imported', new Set(listed?.files.map(({ file }) => file)))
  const documents = useMemo(() => {
    const options = {
      kinds: new Set(kinds?.map(({ kind }) => kind)),
      defaultNamespace: about?.defaultNamespace ?? 'default',
      namespace: NAMESPACE.test(namespace) ? namespace : '',
      fileOf,
    }
    // What is new in a file comes into one of its name.
    const sources = [
      { from: '', newFile, text },
      ...dropped.files.map(({ path, text }) => ({
        from: path,
        newFile: path.replace(/\.(json|yml)$/i, '.yaml'),
        text,
      })),
    ]
    return sources.flatMap(({ from, newFile, text }) =>
      readImport(text, { ...options, newFile }).map((one) => ({ ...one, from })),
    )
  }, [text, dropped, kinds, fileOf, newFile, about, namespace])
  const usable = documents.filter(({ file }) => file !== undefined)
  const receive = async (coming: Promise<Dropped>) => {
    setError(undefined)
    try {
      setDropped(await coming)
    } catch (problem) {
      setError(problem)
    }
  }
  const take = async () => {
    if (!listed) return
    setBusy(true)
    setError(undefined)
    try {
      const names = [...new Set(usable.map(({ file }) => file!))]
      const files = new Map<string, KnownFile>()
      for (const file of names) {
        const draft = drafts.get(file)
        if (draft?.text !== undefined) files.set(file, { ...draft, text: draft.text })
        else if (listed.files.some((one) => one.file === file)) {
          const { text: now = '', revision } = await ask(
            api.GET('/api/v1/documents/{file}', { params: { path: { file } } }),
          )
          files.set(file, { file, base: revision, baseText: now, text: now })
        }
      }
      const made = importDrafts(usable, files, listed.revision, Date.now())
      for (const one of made.drafts) drafts.put(one)
      if (made.drafts.length > 0) router.history.push('/changes/new')
      else setError(new Error(t('import.nothing')))
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Page title={t('import.title')} lead={t('import.lead')}>
      <Card
        withBorder
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          setOver(false)
          // A text that is dragged is the field's own affair.
          if (event.dataTransfer.files.length === 0) return
          event.preventDefault()
          void receive(droppedFiles(event.dataTransfer.items))
        }}
        style={over ? { outline: '2px dashed var(--mantine-primary-color-filled)' } : undefined}
      >
        <Textarea
          label={t('import.text')}
          description={t('import.hint')}
          autosize
          minRows={8}
          maxRows={20}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
          value={text}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
        />
        <Group gap="sm" mt="sm">
          <FileButton multiple accept=".yaml,.yml,.json" onChange={(files) => void receive(chosenFiles(files))}>
            {(props) => (
              <Button {...props} size="xs" variant="default">
                {t('import.choose')}
              </Button>
            )}
          </FileButton>
          {(dropped.files.length > 0 || dropped.leftOut > 0) && (
            <Text size="sm" role="status" data-dropped>
              {t('import.files', { count: dropped.files.length })}
              {dropped.leftOut > 0 && ` · ${t('import.leftOut', { count: dropped.leftOut })}`}{' '}
              <Button size="compact-xs" variant="subtle" onClick={() => setDropped(NOTHING)}>
                {t('import.forget')}
              </Button>
            </Text>
          )}
        </Group>
      </Card>
      <TextInput
        label={t('import.namespace')}
        description={t('import.namespaceHint')}
        placeholder={about?.defaultNamespace ?? ''}
        w={340}
        value={namespace}
        error={namespace !== '' && !NAMESPACE.test(namespace) && t('import.namespaceWrong')}
        onChange={({ currentTarget }) => setNamespace(currentTarget.value.trim())}
      />
      {documents.length > 0 && (
        <Card withBorder>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>#</Table.Th>
                <Table.Th>{t('column.name')}</Table.Th>
                <Table.Th>{t('import.result')}</Table.Th>
                <Table.Th>{t('column.file')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {documents.slice(0, MOST_SHOWN).map(({ from, number, name, result, message, file }, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows have no state, and several may come from one place
                <Table.Tr key={index} data-import={result}>
                  <Table.Td>{from ? `${from} · ${number}` : number}</Table.Td>
                  <Table.Td>
                    {name ? `${name.kind} ${name.namespace}/${name.name}` : '–'}
                    {message && (
                      <Text size="xs" c="dimmed">
                        {message}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <Badge variant="light" color={COLOURS[result]}>
                      {t(`import.result.${result}`)}
                    </Badge>
                  </Table.Td>
                  <Table.Td>{file ? <Code>{file}</Code> : '–'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {documents.length > MOST_SHOWN && <Text size="sm">+{documents.length - MOST_SHOWN}</Text>}
        </Card>
      )}
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

function freeName(stem: string, taken: ReadonlySet<string>): string {
  let name = `${stem}.yaml`
  for (let i = 2; taken.has(name); i++) name = `${stem}-${i}.yaml`
  return name
}
