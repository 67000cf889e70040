import { Badge, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Meaning } from '../api/schema.ts'

const SHOWN = 60

/** What a change does, in words. */
export function MeaningList({ meaning }: { readonly meaning: readonly Meaning[] }) {
  const { t, i18n } = useTranslation('change')
  const language = i18n.language === 'zh' ? 'zh' : 'en'
  if (meaning.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('meaning.none')}
      </Text>
    )
  return (
    <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: 'none' }} data-meaning>
      {meaning.slice(0, SHOWN).map(({ object, topic, text, danger, place }) => (
        <Group key={`${object}${place.line}${topic}${text.en}`} component="li" gap={8} wrap="nowrap" align="baseline">
          <Badge size="sm" variant="default" style={{ flex: 'none' }}>
            {object.split('/').at(-1)}
          </Badge>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {text[language]}
          </Text>
          {danger && (
            <Badge
              size="sm"
              color="red"
              variant="light"
              leftSection={<IconAlertTriangle size={12} />}
              style={{ flex: 'none' }}
            >
              {t('meaning.danger')}
            </Badge>
          )}
        </Group>
      ))}
      {meaning.length > SHOWN && <Text size="sm">+{meaning.length - SHOWN}</Text>}
    </Stack>
  )
}
