import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { IconDatabaseOff } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries, queryClient } from '../api/queries.ts'
import type { Source } from '../api/schema.ts'
import { useMayEdit } from '../parts/may-edit.ts'
import { notifyProblem, ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'

/** Registries that are not as they should be: silent ones, and what they told that is not believed yet. Nothing while all is well. */
export function Registries() {
  const { data, error } = useQuery(queries.sources())
  if (error) return <ProblemAlert error={error} />
  return data
    ?.filter(({ state, held }) => state === 'lost' || state === 'degraded' || held.length > 0)
    .map((source) => <Registry key={source.name} source={source} />)
}

function Registry({ source: { name, state, lastContact, error, followed, held } }: { readonly source: Source }) {
  const { t } = useTranslation('overview')
  const mayEdit = useMayEdit()
  const confirm = useMutation({
    mutationFn: (what: string) => ask(api.POST('/api/v1/sources/confirm', { body: { what } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['sources'] }),
    onError: notifyProblem,
  })
  const silent = state === 'lost' || state === 'degraded'
  return (
    <Alert
      color={state === 'lost' ? 'red' : 'orange'}
      icon={<IconDatabaseOff />}
      title={silent ? t(`registry.${state}`, { name }) : t('registry.held', { name })}
      role="alert"
      data-registry={state}
    >
      <Stack gap="xs">
        {silent && (
          <Text size="sm">
            {t('registry.served', { count: followed })} {t('registry.contact')} <Time at={lastContact} />
          </Text>
        )}
        {silent && error && (
          <Text size="xs" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
            {error}
          </Text>
        )}
        {held.map(({ what, before, now, why }) => (
          <Group key={what} gap="sm">
            <Text size="sm">
              {what}: {before} → {now} · {t(`registry.why.${why}`)}
            </Text>
            {mayEdit && (
              <Button
                size="compact-xs"
                variant="default"
                loading={confirm.isPending && confirm.variables === what}
                onClick={() => confirm.mutate(what)}
              >
                {t('registry.believe')}
              </Button>
            )}
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}
