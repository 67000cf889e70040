import { Badge, Group, Select, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconHourglass } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Endpoint, Service } from '../api/schema.ts'
import { PlaceLink } from '../parts/place.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const HEALTH = {
  healthy: { color: 'teal', icon: IconCircleCheck },
  unhealthy: { color: 'red', icon: IconAlertTriangle },
  draining: { color: 'yellow', icon: IconHourglass },
} as const

function Health({ health }: Pick<Endpoint, 'health'>) {
  const { t } = useTranslation('services')
  const { color, icon: Icon } = HEALTH[health]
  return (
    <Badge variant="light" color={color} leftSection={<Icon size={12} />}>
      {t(`health.${health}`)}
    </Badge>
  )
}

/** Where a service runs, by port. */
export function EndpointTable({ service }: { readonly service: Service }) {
  const { t } = useTranslation('services')
  const [number, setNumber] = useState(String(service.ports[0]?.number ?? ''))
  const port = service.ports.find((one) => String(one.number) === number)
  const columns = useMemo(
    (): readonly Column<Endpoint>[] => [
      {
        key: 'address',
        header: t('address'),
        width: 'minmax(180px, 2fr)',
        render: ({ address, port: own }) => `${address}:${own}`,
      },
      {
        key: 'labels',
        header: t('labels'),
        width: 'minmax(200px, 2fr)',
        render: ({ labels }) => (
          <Group gap={4} wrap="nowrap">
            {Object.entries(labels).map(([name, value]) => (
              <Badge key={name} size="sm" variant="default">
                {name}={value}
              </Badge>
            ))}
          </Group>
        ),
      },
      { key: 'locality', header: t('locality'), width: '150px', render: ({ locality }) => locality || '–' },
      { key: 'health', header: t('health'), width: '120px', render: ({ health }) => <Health health={health} /> },
      { key: 'weight', header: t('weight'), width: '80px', right: true, render: ({ weight }) => weight },
      {
        key: 'place',
        header: t('from'),
        width: 'minmax(180px, 2fr)',
        render: ({ place }) => place && <PlaceLink place={place} />,
      },
    ],
    [t],
  )
  return (
    <Stack gap="sm">
      <Group>
        <Select
          aria-label={t('port')}
          w={220}
          allowDeselect={false}
          data={service.ports.map((one) => ({
            value: String(one.number),
            label: `${one.number} ${one.protocol} (${one.endpoints.length})`,
          }))}
          value={number}
          onChange={(value) => setNumber(value ?? '')}
        />
        <Text size="sm" c="dimmed">
          {service.endpointsKnown ? t('healthHint') : t('notAskedHint')}
        </Text>
      </Group>
      <VirtualTable
        label={t('endpoints')}
        columns={columns}
        rows={port?.endpoints ?? []}
        rowKey={({ address, port: own }) => `${address}:${own}`}
        empty={<Text c="dimmed">{t('noEndpoints')}</Text>}
      />
    </Stack>
  )
}
