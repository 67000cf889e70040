import { Badge, Card, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import type { RevisionFigures } from '../api/schema.ts'
import { Breakable } from '../parts/breakable.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useNow } from '../parts/time.tsx'
import { failedShare, milliseconds, perSecond } from '../parts/traffic-text.ts'
import { namespaceOf } from './blast-radius.ts'
import { Course } from './course.tsx'
import { changeQueries } from './queries.ts'
import { countdown, rose } from './trend.ts'

/** As often as proxies' counters are read. */
const READ_EVERY_MS = 5_000
/** Shown to both sides of the change. */
const WATCH_MS = 5 * 60_000

/** What the traffic of the services a revision touches does in the five minutes after it, beside the five before. */
export function TrafficAfter({ revision }: { readonly revision: number }) {
  const { t } = useTranslation('change')
  const now = useNow()
  const [complete, setComplete] = useState(false)
  const { data, error } = useQuery({
    ...changeQueries.figures(revision),
    refetchInterval: complete ? false : READ_EVERY_MS,
  })
  const until = data ? Date.parse(data.until) : Number.POSITIVE_INFINITY
  // An answer that did not come once is no reason to stop watching; a revision that nobody knows figures of is.
  const unknown = error instanceof ApiProblem && error.status === 404
  useEffect(() => setComplete(unknown || now > until + READ_EVERY_MS), [unknown, now, until])
  if (!data || data.services.length === 0) return null
  const left = until - now
  const seen = data.services.some(({ before, after }) => before.requests + after.requests > 0)
  return (
    <Card withBorder data-figures={seen ? data.services.length : 0}>
      <Group justify="space-between" mb="sm">
        <Title order={2}>{t('figures.title')}</Title>
        <Badge variant="light" color={left > 0 ? 'blue' : 'gray'}>
          {left > 0
            ? t('figures.watching', { left: countdown(left) })
            : t('figures.complete', { time: countdown((data.services[0]?.after.seconds ?? 0) * 1_000) })}
        </Badge>
      </Group>
      {seen ? <FiguresTable data={data} /> : <Text c="dimmed">{t('figures.none')}</Text>}
      {seen && (
        <Text size="xs" c="dimmed" mt="sm">
          {t(data.reading > 0 ? 'figures.counters' : 'figures.reports', { count: data.reading })}
        </Text>
      )}
    </Card>
  )
}

function FiguresTable({ data }: { readonly data: RevisionFigures }) {
  const { t } = useTranslation('change')
  const applied = Date.parse(data.appliedAt)
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table verticalSpacing="xs" fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('figures.service')}</Table.Th>
            <Table.Th>{t('figures.course')}</Table.Th>
            {(['rate', 'failed', 'p50', 'p99'] as const).map((name) => (
              <Table.Th key={name} ta="right">
                {t(`figures.${name}`)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.services.map(({ hostname, before, after, steps }) => (
            <Table.Tr key={hostname}>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>
                <AppLink href={serviceHref(namespaceOf(hostname), hostname)}>
                  <Breakable text={hostname} />
                </AppLink>
              </Table.Td>
              <Table.Td>
                <Course
                  steps={steps}
                  window={{ from: applied - WATCH_MS, to: applied + WATCH_MS }}
                  marks={[applied]}
                  label={t('figures.courseOf', { host: hostname })}
                  width={220}
                />
              </Table.Td>
              <Pair before={perSecond(before)} after={perSecond(after)} />
              <Pair
                before={failedShare(before)}
                after={failedShare(after)}
                worse={rose(before, after) ? t('figures.worse') : undefined}
              />
              <Pair before={milliseconds(before.p50Ms)} after={milliseconds(after.p50Ms)} />
              <Pair before={milliseconds(before.p99Ms)} after={milliseconds(after.p99Ms)} />
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {data.more > 0 && <Text size="xs">{t('figures.more', { count: data.more })}</Text>}
    </Table.ScrollContainer>
  )
}

/** What was, small, and what is. */
function Pair({
  before,
  after,
  worse,
}: {
  readonly before: string
  readonly after: string
  readonly worse?: string | undefined
}) {
  return (
    <Table.Td ta="right" className="number" style={{ whiteSpace: 'nowrap' }}>
      <Stack gap={0} align="flex-end">
        <Text size="sm" fw={600} c={worse ? 'red' : 'inherit'}>
          {worse && '▲ '}
          {after}
          {worse && <span className="unseen"> {worse}</span>}
        </Text>
        <Text size="xs" c="dimmed">
          {before}
        </Text>
      </Stack>
    </Table.Td>
  )
}
