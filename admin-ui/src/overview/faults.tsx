import { Alert, Group, Stack, Text } from '@mantine/core'
import { IconBolt } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Breakable } from '../parts/breakable.tsx'
import { Expiry } from '../parts/expiry.tsx'
import { FaultText } from '../parts/fault-text.tsx'
import { serviceHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { PlaceLink } from '../parts/place.tsx'
import { conditionText } from '../parts/policy-words.ts'

const SHOWN = 10

/** Every fault in force, and how long it lasts. */
export function LiveFaults() {
  const { t } = useTranslation('overview')
  const { data } = useQuery(queries.policies())
  const faults = (data ?? []).filter(({ topic }) => topic === 'fault')
  if (faults.length === 0) return null
  return (
    <Alert color="red" variant="light" icon={<IconBolt />} title={t('faults.title', { count: faults.length })}>
      <Stack gap="xs">
        {faults.slice(0, SHOWN).map(({ document, path, place, services, values, match, expiresAt }) => (
          <Group key={`${document} ${path}`} gap="0 12px">
            {services.slice(0, 2).map((host) => (
              <AppLink key={host} href={serviceHref(document.split('/')[1] ?? '', host)} size="sm" fw={600}>
                <Breakable text={host} />
              </AppLink>
            ))}
            <Text size="sm">
              <FaultText values={values} />
            </Text>
            {match && (
              <Text size="sm" c="dimmed">
                {t('faults.onlyFor', { match: conditionText(match) })}
              </Text>
            )}
            {expiresAt ? <Expiry at={expiresAt} /> : <Text size="sm">{t('faults.noEnd')}</Text>}
            <PlaceLink place={place} />
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}
