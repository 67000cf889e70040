import { Card, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'

const SHOWN = 10

export function RecentChanges() {
  const { t } = useTranslation('overview')
  const words = useRevisionWords()
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
        {revisions?.map(({ id, at, files, ...one }) => (
          <Group key={id} gap="sm" wrap="nowrap" align="flex-start">
            <AppLink href={revisionHref(id)} size="sm" fw={600} ff="monospace" miw={28}>
              {id}
            </AppLink>
            <div style={{ minWidth: 0, flex: 1, overflowWrap: 'anywhere' }}>
              <Text size="sm">{words.why(one) || t(`changes.source.${one.source}`)}</Text>
              <Text size="xs" c="dimmed">
                {words.who(one)} · {t('changes.files', { count: files.length })}
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
