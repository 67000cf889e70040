import { Badge, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Time } from '../parts/time.tsx'

const SHOWN = 10

export function RecentChanges() {
  const { t } = useTranslation('overview')
  const { data: revisions } = useQuery(queries.revisions(SHOWN))
  return (
    <Card withBorder>
      <Title order={2} mb="sm">
        {t('changes.title')}
      </Title>
      {revisions?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('changes.none')}
        </Text>
      )}
      <Stack gap="sm">
        {revisions?.map(({ id, at, who, why, source, files }) => (
          <Group key={id} gap="sm" wrap="nowrap" align="flex-start">
            <Badge variant="default" ff="monospace" miw={48}>
              {id}
            </Badge>
            <div style={{ minWidth: 0, flex: 1, overflowWrap: 'anywhere' }}>
              <Text size="sm">{why || t(`changes.source.${source}`)}</Text>
              <Text size="xs" c="dimmed">
                {who} · {t('changes.files', { count: files.length })}
              </Text>
            </div>
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              <Time at={at} />
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  )
}
