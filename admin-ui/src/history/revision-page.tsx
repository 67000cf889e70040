import { Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Convergence } from '../change/convergence.tsx'
import { TrafficAfter } from '../change/figures.tsx'
import { FileDiffs } from '../parts/diff.tsx'
import { Facts } from '../parts/facts.tsx'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useMayEdit } from '../parts/may-edit.ts'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'
import { RollbackButton } from './rollback.tsx'
import { SourceBadge } from './source.tsx'

/** One change: what it did, how far it has come, and the way back. */
export function RevisionPage() {
  const { t } = useTranslation('history')
  const { revision } = useParams({ strict: false }) as { revision: string }
  const words = useRevisionWords()
  const id = Number(revision)
  const mayEdit = useMayEdit()
  const { data, error } = useQuery(queries.revision(id))
  const { data: diff, error: diffError } = useQuery(queries.revisionDiff(id))
  const { data: newest } = useQuery(queries.revisions(1))
  const head = newest?.[0]?.id ?? id
  return (
    <Page
      title={t('revisionTitle', { id: revision })}
      lead={data && words.why(data)}
      actions={
        mayEdit &&
        data && (
          <>
            <RollbackButton step={{ to: id }} head={head} />
            {id !== 1 && <RollbackButton step={{ undo: id }} head={head} />}
          </>
        )
      }
    >
      {error && <ProblemAlert error={error} />}
      {data && (
        <>
          <Group align="stretch" grow preventGrowOverflow={false} gap="lg">
            <Card withBorder miw="min(320px, 100%)">
              <Title order={2} mb="sm">
                {t('facts')}
              </Title>
              <Facts
                facts={[
                  [t('why'), words.why(data) || t('noReason')],
                  [t('who'), words.who(data)],
                  [t('source'), <SourceBadge key="source" source={data.source} />],
                  [t('at'), <Time key="at" at={data.at} long />],
                  [
                    t('refersTo'),
                    data.refers === undefined ? undefined : (
                      <AppLink key="refers" href={revisionHref(data.refers)}>
                        {data.refers}
                      </AppLink>
                    ),
                  ],
                  [
                    t('before'),
                    data.parent === undefined ? undefined : (
                      <AppLink key="parent" href={revisionHref(data.parent)}>
                        {data.parent}
                      </AppLink>
                    ),
                  ],
                ]}
              />
            </Card>
            <Convergence revision={id} />
          </Group>
          <TrafficAfter revision={id} />
          <Stack gap="sm">
            <Title order={2}>{t('difference')}</Title>
            {diffError && <ProblemAlert error={diffError} />}
            {diff && <FileDiffs files={diff} />}
            {diff?.length === 0 && <Text c="dimmed">{t('noDifference')}</Text>}
          </Stack>
        </>
      )}
    </Page>
  )
}
