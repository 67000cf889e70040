import { Group, Paper, SimpleGrid, Skeleton, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconClockHour4, IconFileAlert, IconServer2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { RouterLink } from '../parts/link.tsx'
import { countProxies } from './summary.ts'

interface StatProps {
  readonly label: string
  readonly value: number | undefined
  readonly note?: string
  readonly icon: ComponentType<{ size: number; stroke: number; color?: string }>
  /** Colour of the sign, when the value is not 0. */
  readonly tone?: string
  readonly href: string
}

function Stat({ label, value, note, icon: Icon, tone, href }: StatProps) {
  const color = tone && value ? `var(--mantine-color-${tone}-6)` : 'var(--mesh-quiet)'
  return (
    <Paper withBorder p="md" component={RouterLink} href={href} className="card-link">
      <Group justify="space-between" wrap="nowrap" gap={6}>
        <Text size="sm" c="dimmed">
          {label}
        </Text>
        <Icon size={20} stroke={1.6} color={color} />
      </Group>
      {value === undefined ? (
        <Skeleton h={34} w={60} mt={6} />
      ) : (
        <Text fz={30} fw={650} lh={1.25} className="number">
          {value}
        </Text>
      )}
      <Text size="xs" c="dimmed" mih={18}>
        {note}
      </Text>
    </Paper>
  )
}

export function Stats() {
  const { t } = useTranslation('overview')
  const { data: proxies } = useQuery(queries.proxies())
  const { data: complaints } = useQuery(queries.diagnostics())
  const counts = proxies && countProxies(proxies)
  return (
    <SimpleGrid cols={{ base: 2, md: 5 }} spacing={{ base: 'xs', md: 'md' }}>
      <Stat
        label={t('stat.connected')}
        value={counts?.connected}
        note={counts?.gone ? t('stat.gone', { count: counts.gone }) : ''}
        icon={IconServer2}
        href="/proxies"
      />
      <Stat
        label={t('stat.synced')}
        value={counts?.synced}
        icon={IconCircleCheck}
        tone="teal"
        href="/proxies?state=SYNCED"
      />
      <Stat
        label={t('stat.stale')}
        value={counts?.stale}
        icon={IconClockHour4}
        tone="yellow"
        href="/proxies?state=STALE"
      />
      <Stat
        label={t('stat.nack')}
        value={counts?.nack}
        icon={IconAlertTriangle}
        tone="red"
        href="/proxies?state=NACK"
      />
      <Stat
        label={t('stat.errors')}
        value={complaints?.summary.errors}
        note={complaints ? t('stat.warnings', { count: complaints.summary.warnings }) : ''}
        icon={IconFileAlert}
        tone="red"
        href="/#problems"
      />
    </SimpleGrid>
  )
}
