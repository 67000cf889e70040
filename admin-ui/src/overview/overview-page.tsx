import { SimpleGrid, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { Page } from '../parts/page.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { Problems } from './problems.tsx'
import { RecentChanges } from './recent-changes.tsx'
import { Stats } from './stats.tsx'

export function OverviewPage() {
  const { t } = useTranslation('overview')
  const { error } = useQuery(queries.proxies())
  return (
    <Page title={t('title')} lead={t('lead')}>
      {error && <ProblemAlert error={error} />}
      <Stats />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        <Stack>
          <Problems />
        </Stack>
        <RecentChanges />
      </SimpleGrid>
    </Page>
  )
}
