import { Button, Container, Stack, Text, Title } from '@mantine/core'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { RouterLink } from '../parts/link.tsx'
import { ProblemAlert } from '../parts/problem.tsx'

/** Shown in place of a page that threw; the shell around it stays. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation()
  return (
    <Container size="sm" py="xl">
      <Stack>
        <Title order={1}>{t('error.title')}</Title>
        <ProblemAlert error={error} retry={reset} />
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
