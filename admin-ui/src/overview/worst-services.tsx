import { Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { failedShare, trafficByHost } from '../services/traffic.ts'

const SHOWN = 5

/** Services by the share of requests that failed, as proxies report. */
export function WorstServices() {
  const { t } = useTranslation('overview')
  const { data } = useQuery(queries.load())
  const { data: services } = useQuery(queries.services())
  const namespaces = new Map((services ?? []).map(({ hostname, namespace }) => [hostname, namespace]))
  const worst = [...trafficByHost(data ?? [])]
    .filter(([host, { issued }]) => issued > 0 && namespaces.has(host))
    .sort(([, a], [, b]) => b.failed / b.issued - a.failed / a.issued || b.issued - a.issued)
    .slice(0, SHOWN)
  return (
    <Card withBorder>
      <Title order={2} mb="sm">
        {t('worst.title')}
      </Title>
      {worst.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('worst.unknown')}
        </Text>
      )}
      <Stack gap={6}>
        {worst.map(([host, traffic]) => (
          <Group key={host} justify="space-between" wrap="nowrap">
            <AppLink href={serviceHref(namespaces.get(host)!, host)} size="sm" truncate>
              {host}
            </AppLink>
            <Text size="sm" className="number" style={{ whiteSpace: 'nowrap' }}>
              {failedShare(traffic)} {t('worst.of', { count: traffic.issued })}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}
