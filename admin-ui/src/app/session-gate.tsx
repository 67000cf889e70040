import { Center, Loader, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { startLive } from '../api/live.ts'
import { ApiProblem } from '../api/problem.ts'
import { queries } from '../api/queries.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { LoginPage } from './login.tsx'

/** Shows the pages to whom they may be shown, and the login to the others. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation()
  const { data: session, error, refetch } = useQuery(queries.session())
  const known = session !== undefined && !(error instanceof ApiProblem && error.status === 401)
  useEffect(() => (known ? startLive() : undefined), [known])
  if (error instanceof ApiProblem && error.status === 401) return <LoginPage ended={session !== undefined} />
  if (session) return children
  return (
    <Center mih="100vh" p="md">
      {error ? (
        <Stack maw={520}>
          <ProblemAlert error={error} retry={() => void refetch()} />
        </Stack>
      ) : (
        <Loader aria-label={t('loading')} />
      )}
    </Center>
  )
}
