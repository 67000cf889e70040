import { Alert, Autocomplete, Button, Card, Group, Radio, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries } from '../api/queries.ts'
import { appendDocument } from '../change/merge.ts'
import { changeQueries } from '../change/queries.ts'
import { drafts } from '../change/use-drafts.ts'
import { documentHref } from '../parts/hrefs.ts'
import { useMayNot } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { DocumentLink } from '../parts/place.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useView } from '../parts/view.ts'
import { type Given, newRule } from './new-rule.ts'
import { TEMPLATES, type TemplateId } from './templates.ts'

const WRONG = {
  host: 'new.needHost',
  taken: 'new.taken',
  noName: 'new.needName',
  name: 'new.badName',
  file: 'new.badFile',
} as const

/** A rule from a template: what it shall do, for whom, and where it is written. The text is a draft until it is applied. */
export function NewRulePage() {
  const { t } = useTranslation('rules')
  const router = useRouter()
  const mayNot = useMayNot()
  const [view, setView] = useView({ template: 'split', host: '' })
  const { data: services = [] } = useQuery(queries.services())
  const { data: documents } = useQuery(queries.documents())
  const { data: rules } = useQuery(changeQueries.rules())
  const template = TEMPLATES.find(({ id }) => id === view.template) ?? TEMPLATES[0]!
  const [given, setGiven] = useState<Given>({})
  const [error, setError] = useState<unknown>(undefined)
  const { name, namespace, file, key, wrong, wrongName, other } = newRule(
    template,
    view.host,
    given,
    services,
    rules?.rules ?? [],
  )
  const names = documents?.files.map((one) => one.file) ?? []
  const missing = mayNot ?? (wrong && t(WRONG[wrong], { key }))
  const create = async () => {
    if (!documents) return
    try {
      const text = template.text(name, namespace, view.host)
      const known = drafts.get(file)
      const there = documents.files.some((one) => one.file === file)
      const current = there
        ? await ask(api.GET('/api/v1/documents/{file}', { params: { path: { file } } }))
        : { text: undefined, revision: documents.revision }
      const before = known?.text ?? current.text ?? ''
      drafts.put({
        file,
        base: known?.base ?? current.revision,
        baseText: known ? known.baseText : current.text,
        text: appendDocument(before, text),
        savedAt: Date.now(),
      })
      router.history.push(`${documentHref(key)}?file=${encodeURIComponent(file)}`)
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <Page title={t('new.title')} lead={t('new.lead')}>
      <Card withBorder maw={920}>
        <Stack gap="md">
          <TemplateChoice value={template.id} onChoose={(id) => setView({ template: id })} />
          {!template.hostless && (
            <Autocomplete
              label={t('new.host')}
              description={t('new.hostHint')}
              data={[...new Set(services.map(({ hostname }) => hostname))]}
              limit={30}
              value={view.host}
              onChange={(host) => setView({ host })}
            />
          )}
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <TextInput
              label={t('new.name')}
              value={name}
              onChange={({ currentTarget }) => setGiven({ ...given, name: currentTarget.value })}
              error={wrongName && t(WRONG[wrongName], { key })}
            />
            <TextInput
              label={t('new.namespace')}
              value={namespace}
              onChange={({ currentTarget }) => setGiven({ ...given, namespace: currentTarget.value })}
            />
            <Autocomplete
              label={t('new.file')}
              description={names.includes(file) ? t('new.fileThere') : t('new.fileNew')}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              data={names}
              limit={30}
              value={file}
              onChange={(next) => setGiven({ ...given, file: next })}
            />
          </SimpleGrid>
          {other && (
            <Alert color="yellow" variant="light" title={t('new.other', { key: other.key })} data-other>
              <Text size="sm">{t('new.otherHint')}</Text>
              <DocumentLink document={other.key} />
            </Alert>
          )}
          {error !== undefined && <ProblemAlert error={error} />}
          <Group>
            <Button disabled={missing !== undefined || documents === undefined} onClick={() => void create()}>
              {t('new.create')}
            </Button>
            {missing && (
              <Text size="sm" c="dimmed">
                {missing}
              </Text>
            )}
          </Group>
        </Stack>
      </Card>
    </Page>
  )
}

/** What a new rule shall do. */
function TemplateChoice({
  value,
  onChoose,
}: {
  readonly value: TemplateId
  readonly onChoose: (template: string) => void
}) {
  const { t } = useTranslation('rules')
  return (
    <Radio.Group value={value} onChange={onChoose} label={t('new.what')}>
      <SimpleGrid cols={{ base: 1, sm: 2, md: 4 }} spacing="xs" mt={6}>
        {TEMPLATES.map(({ id, kind }) => (
          <Radio.Card key={id} value={id} p="sm" radius="md">
            <Group gap="sm" wrap="nowrap" align="flex-start">
              <Radio.Indicator size="xs" mt={3} />
              <div>
                <Text size="sm" fw={600}>
                  {t(`template.${id as TemplateId}`)}
                </Text>
                <Text size="xs" c="dimmed" ff="monospace">
                  {kind}
                </Text>
              </div>
            </Group>
          </Radio.Card>
        ))}
      </SimpleGrid>
    </Radio.Group>
  )
}
