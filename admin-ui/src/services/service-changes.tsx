import { Group, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Revision } from '../api/schema.ts'
import { revisionHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { useRevisionWords } from '../parts/revision-words.ts'
import { Time } from '../parts/time.tsx'

/** Who changed what a service is made of, when and why; the page of each has what it changed, and the way back. */
export function ServiceChanges({ changes }: { readonly changes: readonly Revision[] }) {
  const { t } = useTranslation('services')
  const words = useRevisionWords()
  if (changes.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('changes.none')}
      </Text>
    )
  return (
    <Stack gap="xs">
      {changes.map(({ id, at, ...one }) => (
        <Group key={id} gap="sm" wrap="nowrap" align="baseline" data-change={id}>
          <AppLink href={revisionHref(id)} size="sm" fw={600} ff="monospace" miw={28}>
            {id}
          </AppLink>
          <Text size="sm" flex={1} style={{ overflowWrap: 'anywhere' }}>
            {words.why(one) || t('changes.noReason')}
          </Text>
          <Text size="sm">{words.who(one)}</Text>
          <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            <Time at={at} />
          </Text>
        </Group>
      ))}
    </Stack>
  )
}
