import { Badge, Card, Group, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Breakable } from '../parts/breakable.tsx'
import { FailedText } from '../parts/failed-text.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { milliseconds, perSecond } from '../parts/traffic-text.ts'
import { countHealth } from './summary.ts'

const SHOWN = 5
/** Each with its colour. */
const HEALTHS = [
  ['failing', 'red'],
  ['degraded', 'orange'],
  ['healthy', 'teal'],
  ['idle', 'gray'],
] as const
/** A name keeps so much of a narrow window, px. */
const NAME_PX = 110

/** How many services do how well, and those with the highest share of requests that failed in the last minutes. */
export function WorstServices() {
  const { t } = useTranslation('overview')
  const { t: change } = useTranslation('change')
  const { data } = useQuery(queries.figures())
  const { data: services } = useQuery(queries.services())
  const namespaces = new Map((services ?? []).map(({ hostname, namespace }) => [hostname, namespace]))
  const worst = (data?.services ?? []).filter(({ hostname }) => namespaces.has(hostname)).slice(0, SHOWN)
  const counts = countHealth(namespaces.keys(), data?.services ?? [])
  return (
    <Card withBorder>
      <Title order={2} mb="sm">
        {t('worst.title')}
      </Title>
      {data && services && services.length > 0 && (
        <Group gap="xs" mb="sm" data-health>
          {HEALTHS.map(([health, color]) => (
            <Badge key={health} variant="light" color={counts[health] > 0 ? color : 'gray'}>
              {t(`health.${health}`, { count: counts[health] })}
            </Badge>
          ))}
        </Group>
      )}
      {worst.length === 0 ? (
        data && (
          <Text size="sm" c="dimmed">
            {t('worst.unknown')}
          </Text>
        )
      ) : (
        <Table fz="sm" verticalSpacing={4} horizontalSpacing={6} data-worst={worst.length}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{change('figures.service')}</Table.Th>
              {(['failed', 'rate', 'p99'] as const).map((name) => (
                <Table.Th key={name} ta="right" style={{ whiteSpace: 'nowrap' }}>
                  {change(`figures.${name}`)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {worst.map((one) => (
              <Table.Tr key={one.hostname}>
                <Table.Td miw={NAME_PX} style={{ overflowWrap: 'anywhere' }}>
                  <AppLink href={serviceHref(namespaces.get(one.hostname)!, one.hostname, 'traffic')} fz="sm">
                    <Breakable text={one.hostname} />
                  </AppLink>
                </Table.Td>
                <Figure>
                  <FailedText {...one} />
                </Figure>
                <Figure>{perSecond({ ...one, seconds: data?.seconds ?? 0 })}</Figure>
                <Figure>{milliseconds(one.p99Ms)}</Figure>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Card>
  )
}

function Figure({ children }: { readonly children: ReactNode }) {
  return (
    <Table.Td ta="right" className="number" style={{ whiteSpace: 'nowrap' }}>
      {children}
    </Table.Td>
  )
}
