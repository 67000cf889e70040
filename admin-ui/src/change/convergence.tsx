import { Badge, Card, Code, Group, Progress, Stack, Text, Title, Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import { queries } from '../api/queries.ts'
import { proxyHref } from '../parts/hrefs.ts'
import { AppLink } from '../parts/link.tsx'
import { NodeId } from '../parts/node-id.tsx'
import { PlaceLink } from '../parts/place.tsx'
import { ProblemAlert } from '../parts/problem.tsx'

const COLORS = { ACK: 'teal.9', sent: 'blue.7', waiting: 'gray.6', NACK: 'red.7', offline: 'gray.7' } as const
/** What a proxy may have said of a revision, the worst first. */
const STATES = ['NACK', 'waiting', 'sent', 'ACK', 'offline'] as const
const SHOWN = 100

/** How far a revision has come: each proxy it concerns, and what refused it says. */
export function Convergence({ revision }: { readonly revision: number }) {
  const { t } = useTranslation('history')
  const { data, error } = useQuery(queries.convergence(revision))
  return (
    <Card withBorder miw="min(360px, 100%)">
      <Title order={2} mb="sm">
        {t('convergence')}
      </Title>
      {error && !(error instanceof ApiProblem && error.status === 404) && <ProblemAlert error={error} />}
      {error instanceof ApiProblem && error.status === 404 && (
        <Text size="sm" c="dimmed">
          {t('notFollowed')}
        </Text>
      )}
      {data && data.proxies.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('concernsNone')}
        </Text>
      )}
      {data && data.proxies.length > 0 && (
        <Stack gap="sm">
          <Progress.Root size={22} aria-label={t('convergence')}>
            {STATES.filter((state) => data.counts[state] > 0).map((state) => (
              <Progress.Section
                key={state}
                value={(data.counts[state] / data.proxies.length) * 100}
                color={COLORS[state]}
                aria-label={t(`state.${state}`)}
              >
                <Progress.Label>{data.counts[state]}</Progress.Label>
              </Progress.Section>
            ))}
          </Progress.Root>
          <Group gap="md" aria-live="polite" data-converged={data.counts.ACK}>
            {STATES.map((state) => (
              <Text key={state} size="sm" c={data.counts[state] === 0 ? 'dimmed' : 'inherit'}>
                {t(`state.${state}`)}: <b>{data.counts[state]}</b>
              </Text>
            ))}
          </Group>
          <Text size="xs" c="dimmed">
            {data.superseded ? t('superseded') : data.inForce ? t('ackMeans') : t('notInForce')}
          </Text>
          <Stack gap={6} mah={280} style={{ overflow: 'auto' }} tabIndex={0}>
            {[...data.proxies]
              .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state))
              .slice(0, SHOWN)
              .map(({ node, state, rejected }) => (
                <div key={node}>
                  <Group gap="xs" wrap="nowrap">
                    <Badge color={COLORS[state]} size="sm" miw={66}>
                      {t(`state.${state}`)}
                    </Badge>
                    <Tooltip label={node}>
                      <AppLink href={proxyHref(node)} size="sm" miw={0} aria-label={node}>
                        <NodeId node={node} />
                      </AppLink>
                    </Tooltip>
                  </Group>
                  {rejected && (
                    <Stack gap={4} mt={4}>
                      <Code block style={{ whiteSpace: 'pre-wrap' }}>
                        {rejected.message}
                      </Code>
                      <Group gap="xs">
                        {rejected.places.map((place) => (
                          <PlaceLink key={JSON.stringify(place)} place={place} named />
                        ))}
                      </Group>
                    </Stack>
                  )}
                </div>
              ))}
            {data.proxies.length > SHOWN && (
              <Text size="xs" c="dimmed">
                {t('more', { count: data.proxies.length - SHOWN })}
              </Text>
            )}
          </Stack>
        </Stack>
      )}
    </Card>
  )
}
