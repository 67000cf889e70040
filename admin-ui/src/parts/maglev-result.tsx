import { Group, Progress, Stack, Table, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { ProblemAlert } from './problem.tsx'

export interface MaglevResultProps {
  /** Full name of a service. */
  readonly hostname: string
  /** Slots of the table; what the cluster gets by itself where it is not given. */
  readonly size: number | undefined
  /** Empty: all endpoints. */
  readonly subset: string
  /** What is hashed, as it is typed: words. */
  readonly keys: string
}

const MOST_KEYS = 100
const MOST_SHOWN = 200
const TYPING_MS = 300
const percent = (share: number) => `${(share * 100).toFixed(2)} %`

/** Where keys go by the table Envoy builds, how even it is, and how much moves when an endpoint leaves. */
export function MaglevResult({ hostname, size, subset, keys }: MaglevResultProps) {
  const { t } = useTranslation('services')
  const words = keys.split(/[\s,]+/).filter(Boolean)
  const [asked] = useDebouncedValue(JSON.stringify({ size, subset, keys: words.slice(0, MOST_KEYS) }), TYPING_MS)
  const { data, error } = useQuery(queries.maglev(hostname, JSON.parse(asked)))
  if (error) return <ProblemAlert error={error} />
  if (!data) return null
  if (data.endpoints.length === 0) return <Text c="dimmed">{t('noEndpoints')}</Text>
  return (
    <Stack gap="sm">
      {data.keys.length > 0 && (
        <Stack gap={4} aria-live="polite">
          {data.keys.map(({ key, address, without }) => (
            <Text key={key} size="sm">
              <b>{key}</b> → {address ?? t('maglev.nowhere')}
              {without && (
                <Text component="span" size="sm" c="dimmed">
                  {' '}
                  ({t('maglev.without', { address: without })})
                </Text>
              )}
            </Text>
          ))}
        </Stack>
      )}
      <Table.ScrollContainer minWidth={420} mah={360}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('address')}</Table.Th>
              <Table.Th ta="right">{t('weight')}</Table.Th>
              <Table.Th>{t('maglev.share')}</Table.Th>
              <Table.Th ta="right">{t('maglev.moved')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.endpoints.slice(0, MOST_SHOWN).map(({ address, weight, share, moved }) => (
              <Table.Tr key={address}>
                <Table.Td ff="monospace" fz="sm">
                  {address}
                </Table.Td>
                <Table.Td ta="right">{weight}</Table.Td>
                <Table.Td>
                  <Group gap="sm" wrap="nowrap">
                    <Progress value={share * 100} w={80} color="mesh.7" aria-label={`${address} ${percent(share)}`} />
                    <Text size="sm" className="number" style={{ whiteSpace: 'nowrap' }}>
                      {percent(share)}
                    </Text>
                  </Group>
                </Table.Td>
                <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
                  {percent(moved)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed">
        {t('maglev.slots', { count: data.tableSize })}
      </Text>
    </Stack>
  )
}
