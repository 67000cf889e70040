import { Card, Group, NumberInput, Progress, Select, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import type { Policy, Service } from '../api/schema.ts'
import { ProblemAlert } from '../parts/problem.tsx'

interface View {
  readonly key: string
  readonly size: string
  readonly subset: string
}

export interface MaglevPreviewProps {
  readonly service: Service
  readonly policies: readonly Policy[]
  readonly view: View
  readonly onView: (change: Partial<View>) => void
}

const DEFAULT_SIZE = 65_537
const MOST_SHOWN = 200
const percent = (share: number) => `${(share * 100).toFixed(2)} %`

/** Which endpoint a key hits with Maglev, and how much moves when one leaves: by the table Envoy builds. */
export function MaglevPreview({ service, policies, view, onView }: MaglevPreviewProps) {
  const { t } = useTranslation('services')
  const balancing = policies.filter(({ topic }) => topic === 'loadBalancing')
  const written = balancing.flatMap(({ values }) => values).find(({ name }) => name.endsWith('maglev.tableSize'))?.value
  const size = Number(view.size || written || DEFAULT_SIZE)
  const subsets = [
    ...new Set(
      policies
        .flatMap(({ topic, values }) => (topic === 'split' ? values : []))
        .flatMap(({ name }) => name.split(' ')[1] ?? []),
    ),
  ]
  const keys = view.key.split(/[\s,]+/).filter(Boolean)
  const [asked] = useDebouncedValue({ size, subset: view.subset, keys: keys.slice(0, 100) }, 300)
  const { data, error } = useQuery(queries.maglev(service.hostname, asked))
  return (
    <Card withBorder>
      <Title order={2}>{t('maglev.title')}</Title>
      <Text size="sm" c="dimmed" mb="sm">
        {balancing.some(({ values }) => values.some(({ name }) => name.startsWith('consistentHash')))
          ? t('maglev.on')
          : t('maglev.off')}
      </Text>
      <Group align="flex-end" mb="md">
        <TextInput
          label={t('maglev.keys')}
          placeholder="player-1 player-2"
          w={280}
          value={view.key}
          onChange={(event) => onView({ key: event.currentTarget.value })}
        />
        <NumberInput
          label={t('maglev.size')}
          w={160}
          min={2}
          value={size}
          onChange={(value) =>
            onView({ size: String(value) === (written ?? String(DEFAULT_SIZE)) ? '' : String(value) })
          }
        />
        {subsets.length > 0 && (
          <Select
            label={t('maglev.subset')}
            placeholder={t('maglev.all')}
            clearable
            w={160}
            data={subsets}
            value={view.subset || null}
            onChange={(subset) => onView({ subset: subset ?? '' })}
          />
        )}
      </Group>
      {error && <ProblemAlert error={error} />}
      {data && data.keys.length > 0 && (
        <Stack gap={4} mb="md" aria-live="polite">
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
      {data && data.endpoints.length === 0 && <Text c="dimmed">{t('noEndpoints')}</Text>}
      {data && data.endpoints.length > 0 && (
        <Table.ScrollContainer minWidth={520} mah={360}>
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
                      <Progress
                        value={share * 100}
                        w={140}
                        color="mesh.7"
                        aria-label={`${address} ${percent(share)}`}
                      />
                      <Text size="sm" className="number">
                        {percent(share)}
                      </Text>
                    </Group>
                  </Table.Td>
                  <Table.Td ta="right">{percent(moved)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  )
}
