import { Group, SimpleGrid, Stack, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import { Page } from '../parts/page.tsx'
import { PlaceLink } from '../parts/place.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { TOPICS, type Topic } from '../parts/topics.tsx'
import { useView } from '../parts/view.ts'
import { EffectiveConfig } from './effective-config.tsx'
import { EndpointTable } from './endpoint-table.tsx'
import { homeRule } from './home-rule.ts'
import { MaglevPreview } from './maglev-preview.tsx'
import { PolicyCard } from './policy-card.tsx'
import { RecentFigures } from './recent-figures.tsx'
import { ServiceTraffic } from './service-traffic.tsx'
import { topicsFor } from './topics-for.ts'

/** One service: what decides about it, where it runs, what it gets. */
export function ServicePage() {
  const { t } = useTranslation('services')
  const { namespace, hostname } = useParams({ strict: false }) as { namespace: string; hostname: string }
  const { data, error } = useQuery(queries.service(hostname))
  const { data: rules } = useQuery(changeQueries.rules())
  const { data: policies } = useQuery(queries.policies(hostname))
  const [view, change] = useView({ tab: 'policies', key: '', size: '', subset: '' })
  const service = data?.find((one) => one.namespace === namespace) ?? data?.[0]
  return (
    <Page
      title={hostname}
      lead={
        service && (
          <Group gap="xs">
            <Text size="sm">{namespace}</Text>·<Text size="sm">{service.resolution}</Text>·
            <PlaceLink place={service.place} named />
          </Group>
        )
      }
    >
      {error && <ProblemAlert error={error} />}
      <RecentFigures hostname={hostname} />
      {service && (
        <Tabs value={view.tab} onChange={(tab) => change({ tab: tab ?? 'policies' })} keepMounted={false}>
          <Tabs.List mb="md">
            {(['policies', 'endpoints', 'effective', 'traffic'] as const).map((tab) => (
              <Tabs.Tab key={tab} value={tab}>
                {t(`tab.${tab}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="policies">
            <Stack gap="lg">
              <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
                {topicsFor(Object.keys(TOPICS) as Topic[], service, policies ?? []).map((topic) => (
                  <PolicyCard
                    key={topic}
                    topic={topic}
                    service={service}
                    policies={(policies ?? []).filter((one) => one.topic === topic)}
                    home={homeRule(rules?.rules ?? [], topic, hostname, policies ?? [])}
                  />
                ))}
              </SimpleGrid>
              <MaglevPreview
                service={service}
                policies={policies ?? []}
                view={{ key: view.key, size: view.size, subset: view.subset }}
                onView={change}
              />
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="endpoints">
            <EndpointTable service={service} />
          </Tabs.Panel>
          <Tabs.Panel value="effective">
            <EffectiveConfig policies={policies ?? []} service={service} />
          </Tabs.Panel>
          <Tabs.Panel value="traffic">
            <ServiceTraffic hostname={service.hostname} policies={policies ?? []} />
          </Tabs.Panel>
        </Tabs>
      )}
    </Page>
  )
}
