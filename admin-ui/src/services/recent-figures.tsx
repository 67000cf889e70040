import { Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { FailedText } from '../parts/failed-text.tsx'
import { milliseconds, perSecond } from '../parts/traffic-text.ts'

/** Rate, failures and times of a service in the last minutes; nothing where nobody tells of requests. */
export function RecentFigures({ hostname }: { readonly hostname: string }) {
  const { t } = useTranslation('change')
  const { data } = useQuery(queries.serviceFigures(hostname))
  if (!data || data.requests === 0) return null
  const shown = {
    rate: perSecond(data),
    failed: <FailedText {...data} />,
    p50: milliseconds(data.p50Ms),
    p95: milliseconds(data.p95Ms),
    p99: milliseconds(data.p99Ms),
  }
  return (
    <Group gap="xl" data-recent>
      {(['rate', 'failed', 'p50', 'p95', 'p99'] as const).map((name) => (
        <div key={name}>
          <Text size="xs" c="dimmed">
            {t(`figures.${name}`)}
          </Text>
          <Text size="lg" fw={600} className="number">
            {shown[name]}
          </Text>
        </div>
      ))}
    </Group>
  )
}
