import { Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { failedShare } from './traffic.ts'

/** What proxies sent to each port and subset of a service, by their load reports. */
export function ServiceTraffic({ hostname }: { readonly hostname: string }) {
  const { t } = useTranslation('services')
  const { data } = useQuery(queries.load())
  const own = (data ?? []).filter(({ cluster }) => cluster.split('|')[3] === hostname)
  if (data && own.length === 0) return <Text c="dimmed">{t('trafficUnknown')}</Text>
  return (
    <>
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
              <Table.Td ta="right">{failedShare(one)}</Table.Td>
              <Table.Td ta="right">{one.inProgress.toLocaleString()}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed" mt="sm">
        {t('requestsHint')}
      </Text>
    </>
  )
}
