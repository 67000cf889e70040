import { Alert, Button, Container, Stack, Text, Title } from '@mantine/core'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { hasBeenLive, useLiveState } from '../api/live.ts'
import { RouterLink } from '../parts/link.tsx'
import { ProblemAlert } from '../parts/problem.tsx'
import { failedToLoad } from './failed-to-load.ts'

/** Shown in place of a page that threw; the shell around it stays. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation()
  if (failedToLoad(error)) return <NotLoadedPage />
  return (
    <Container size="sm" py="xl">
      <Stack>
        <Title order={1}>{t('error.title')}</Title>
        <ProblemAlert error={error} retry={reset} />
      </Stack>
    </Container>
  )
}

/** Shown in place of a page whose files did not come. While the control plane is away, the page waits for it and then loads by itself. */
function NotLoadedPage() {
  const { t } = useTranslation()
  const live = useLiveState() === 'live'
  const [wasAway, setWasAway] = useState(false)
  useEffect(() => {
    // Only where it was there before: a file that never comes must not load the page for ever.
    if (!live) setWasAway(hasBeenLive())
    else if (wasAway) location.reload()
  }, [live, wasAway])
  return (
    <Container size="sm" py="xl">
      <Stack>
        <Title order={1}>{t('error.notLoaded')}</Title>
        <Alert color="orange" variant="light" role="alert" data-not-loaded>
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{t(live ? 'error.otherPages' : 'error.noAnswerYet')}</Text>
            <Button size="xs" variant="default" onClick={() => location.reload()}>
              {t('error.again')}
            </Button>
          </Stack>
        </Alert>
      </Stack>
    </Container>
  )
}

export function NotFoundPage() {
  const { t } = useTranslation()
  return (
    <Container size="sm" py="xl">
      <Stack align="flex-start">
        <Title order={1}>{t('error.notFound')}</Title>
        <Text c="dimmed">{t('error.notFoundHint')}</Text>
        <Button component={RouterLink} href="/" variant="default">
          {t('error.home')}
        </Button>
      </Stack>
    </Container>
  )
}
