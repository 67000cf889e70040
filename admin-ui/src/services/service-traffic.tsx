import { Card, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Policy, ServiceCourse } from '../api/schema.ts'
import { Course } from '../change/course.tsx'
import { changeQueries } from '../change/queries.ts'
import { FailedText } from '../parts/failed-text.tsx'
import { perSecond } from '../parts/traffic-text.ts'
import { filesAbout, newestOf } from './changes.ts'
import { ServiceChanges } from './service-changes.tsx'
import { type ClusterRow, clusterRows, figuresFrom } from './traffic.ts'

/** What a service gets: its course, what each version and port gets of it, and who changed its files. */
export function ServiceTraffic({
  hostname,
  policies,
}: {
  readonly hostname: string
  readonly policies: readonly Policy[]
}) {
  const { t } = useTranslation('services')
  const { data: load } = useQuery(queries.load())
  const { data: recent } = useQuery(queries.serviceFigures(hostname))
  const { data: course } = useQuery(queries.serviceCourse(hostname))
  const { data: rules } = useQuery(changeQueries.rules())
  const lists = useQueries({
    queries: filesAbout(rules?.rules ?? [], policies, hostname).map((file) => queries.changesOf(file)),
  })
  const changes = newestOf(lists.flatMap(({ data }) => data ?? []))
  const rows = clusterRows(hostname, load ?? [], recent?.clusters ?? [])
  return (
    <Stack gap="lg">
      {load && recent && rows.length === 0 ? (
        <Text c="dimmed">{t('trafficUnknown')}</Text>
      ) : (
        <div>
          {course && course.steps.length > 0 && <Minutes course={course} marks={changes.map(({ at }) => at)} />}
          <ClusterTable rows={rows} seconds={recent?.seconds ?? 0} />
          <Text size="xs" c="dimmed" mt="sm">
            {recent && t(`recent.${figuresFrom(recent)}`, { count: recent.reading })} {t('requestsHint')}
          </Text>
        </div>
      )}
      <Card withBorder>
        <Title order={2} mb="sm">
          {t('changes.title')}
        </Title>
        <ServiceChanges changes={changes} />
      </Card>
    </Stack>
  )
}

/** The last quarter of an hour as bars, with a line where a file of the service was changed. */
function Minutes({ course, marks }: { readonly course: ServiceCourse; readonly marks: readonly string[] }) {
  const { t } = useTranslation('services')
  const from = Date.parse(course.from)
  const window = { from, to: from + course.seconds * 1_000 }
  return (
    <div data-course>
      <Course
        steps={course.steps}
        window={window}
        marks={marks.map((at) => Date.parse(at))}
        label={t('course.label', { host: course.hostname })}
        height={72}
      />
      <Group justify="space-between" mb="md">
        <Text size="xs" c="dimmed">
          {t('course.from', { count: Math.max(1, Math.round(course.seconds / 60)) })}
        </Text>
        <Text size="xs" c="dimmed">
          {t('course.now')}
        </Text>
      </Group>
    </div>
  )
}

function ClusterTable({ rows, seconds }: { readonly rows: readonly ClusterRow[]; readonly seconds: number }) {
  const { t } = useTranslation('services')
  const { t: change } = useTranslation('change')
  return (
    <Table.ScrollContainer minWidth={320}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('version')}</Table.Th>
            <Table.Th ta="right">{t('port')}</Table.Th>
            <Table.Th ta="right">{change('figures.rate')}</Table.Th>
            <Table.Th ta="right">{change('figures.failed')}</Table.Th>
            {(['ever', 'everFailed', 'inProgress'] as const).map((name) => (
              <Table.Th key={name} ta="right">
                {t(name)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ cluster, port, subset, recent, load }) => (
            <Table.Tr key={cluster} data-cluster={cluster}>
              <Table.Td title={cluster}>{subset || t('allVersions')}</Table.Td>
              <Table.Td ta="right">{port}</Table.Td>
              <Table.Td ta="right">{recent ? perSecond({ ...recent, seconds }) : '–'}</Table.Td>
              <Table.Td ta="right">{recent ? <FailedText {...recent} /> : '–'}</Table.Td>
              <Table.Td ta="right">{load ? load.issued.toLocaleString() : '–'}</Table.Td>
              <Table.Td ta="right">{load ? load.failed.toLocaleString() : '–'}</Table.Td>
              <Table.Td ta="right">{load ? load.inProgress.toLocaleString() : '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
