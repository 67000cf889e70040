import { Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { DiagnosticItem } from '../parts/diagnostic.tsx'

const SHOWN = 8

/** Complaints about the configuration in force, those of proxies included; the worst first. */
export function Problems() {
  const { t } = useTranslation('overview')
  const { data } = useQuery(queries.diagnostics())
  const [all, setAll] = useState(false)
  const found = data?.diagnostics.filter(({ severity }) => severity !== 'info') ?? []
  return (
    <Card withBorder id="problems">
      <Title order={2} mb="sm">
        {t('problems.title')}
      </Title>
      {data && found.length === 0 && (
        <Group gap="xs">
          <IconCircleCheck size={18} color="var(--mantine-color-teal-6)" />
          <Text size="sm">{t('problems.none')}</Text>
        </Group>
      )}
      <Stack gap="sm">
        {found.slice(0, all ? 200 : SHOWN).map((one) => (
          <DiagnosticItem key={JSON.stringify(one)} diagnostic={one} />
        ))}
        {found.length > SHOWN && !all && (
          <Button variant="subtle" size="xs" onClick={() => setAll(true)}>
            {t('problems.more', { count: found.length - SHOWN })}
          </Button>
        )}
      </Stack>
    </Card>
  )
}
