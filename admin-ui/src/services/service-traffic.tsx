import { Group, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { failedShare, milliseconds, perSecond } from '../parts/traffic-text.ts'
import { figuresFrom, hostOfCluster } from './traffic.ts'

/** What a service gets: the last minutes by proxies' counters, and what they sent to each port and subset by their load reports. */
export function ServiceTraffic({ hostname }: { readonly hostname: string }) {
  const { t } = useTranslation('services')
  const { data: load } = useQuery(queries.load())
  const { data: figures } = useQuery(queries.figures())
  const own = (load ?? []).filter(({ cluster }) => hostOfCluster(cluster) === hostname)
  const recent = figures?.services.find((one) => one.hostname === hostname)
  if (load && figures && own.length === 0 && !recent) return <Text c="dimmed">{t('trafficUnknown')}</Text>
  return (
    <Stack>
      {recent && figures && <Recent figures={recent} seconds={figures.seconds} reading={figures.reading} />}
      {own.length > 0 && (
        <div>
          <Table.ScrollContainer minWidth={520}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('cluster')}</Table.Th>
                  {(['requests', 'failedCount', 'failed', 'inProgress'] as const).map((name) => (
                    <Table.Th key={name} ta="right">
                      {t(name)}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {own.map((one) => (
                  <Table.Tr key={one.cluster}>
                    <Table.Td ff="monospace" fz="sm">
                      {one.cluster}
                    </Table.Td>
                    <Table.Td ta="right">{one.issued.toLocaleString()}</Table.Td>
                    <Table.Td ta="right">{one.failed.toLocaleString()}</Table.Td>
                    <Table.Td ta="right">{failedShare({ requests: one.issued, failed: one.failed })}</Table.Td>
                    <Table.Td ta="right">{one.inProgress.toLocaleString()}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Text size="xs" c="dimmed" mt="sm">
            {t('requestsHint')}
          </Text>
        </div>
      )}
    </Stack>
  )
}

interface RecentProps {
  readonly figures: {
    readonly requests: number
    readonly failed: number
    readonly p50Ms?: number
    readonly p99Ms?: number
  }
  readonly seconds: number
  /** Proxies whose counters are read. */
  readonly reading: readonly string[]
}

/** Rate, failures and times of the last minutes, as after a change. */
function Recent({ figures, seconds, reading }: RecentProps) {
  const { t } = useTranslation('services')
  const { t: change } = useTranslation('change')
  const shown = {
    rate: perSecond({ ...figures, seconds }),
    failed: failedShare(figures),
    p50: milliseconds(figures.p50Ms),
    p99: milliseconds(figures.p99Ms),
  }
  return (
    <div data-recent>
      <Group gap="xl">
        {(['rate', 'failed', 'p50', 'p99'] as const).map((name) => (
          <div key={name}>
            <Text size="xs" c="dimmed">
              {change(`figures.${name}`)}
            </Text>
            <Text size="lg" fw={600} className="number" c={name === 'failed' && figures.failed > 0 ? 'red' : 'inherit'}>
              {shown[name]}
            </Text>
          </div>
        ))}
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        {t(`recent.${figuresFrom({ reading })}`, { count: reading.length })}
      </Text>
    </div>
  )
}
