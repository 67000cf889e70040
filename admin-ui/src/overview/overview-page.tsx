import { SimpleGrid, Stack } from '@mantine/core'
import { IconServerOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Empty } from '../parts/empty.tsx'
import { FirstProxy } from '../parts/first-proxy.tsx'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { LiveFaults } from './faults.tsx'
import { Problems } from './problems.tsx'
import { RecentChanges } from './recent-changes.tsx'
import { Registries } from './registries.tsx'
import { Stats } from './stats.tsx'
import { WorstServices } from './worst-services.tsx'

export function OverviewPage() {
  const { t } = useTranslation('overview')
  const { data: proxies, error } = useQuery(queries.proxies())
  return (
    <Page title={t('title')} lead={t('lead')}>
      {error && <ProblemAlert error={error} />}
      <Registries />
      <LiveFaults />
      <Stats />
      {proxies?.length === 0 && (
        <Empty icon={IconServerOff} title={t('first')}>
          <FirstProxy />
        </Empty>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        <Stack gap="lg">
          <Problems />
          <WorstServices />
        </Stack>
        <RecentChanges />
      </SimpleGrid>
    </Page>
  )
}
