import { Card, Group, NumberInput, Select, Text, TextInput, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Policy, Service } from '../api/schema.ts'
import { MaglevResult } from '../parts/maglev-result.tsx'

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

/** Which endpoint a key hits with Maglev, and how much moves when one leaves: by the table Envoy builds. */
export function MaglevPreview({ service, policies, view, onView }: MaglevPreviewProps) {
  const { t } = useTranslation('services')
  const balancing = policies.filter(({ topic }) => topic === 'loadBalancing')
  const written = balancing.flatMap(({ values }) => values).find(({ name }) => name.endsWith('maglev.tableSize'))?.value
  const chosen = view.size || written
  const size = chosen === undefined ? undefined : Number(chosen)
  const subsets = [
    ...new Set(
      policies
        .flatMap(({ topic, values }) => (topic === 'split' ? values : []))
        .flatMap(({ name }) => name.split(' ')[1] ?? []),
    ),
  ]
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
          placeholder={t('maglev.byItself')}
          value={size ?? ''}
          onChange={(value) => onView({ size: String(value) === written ? '' : String(value) })}
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
      <MaglevResult hostname={service.hostname} size={size} subset={view.subset} keys={view.key} />
    </Card>
  )
}
