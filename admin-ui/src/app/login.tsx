import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconClockOff } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queryClient } from '../api/queries.ts'
import { ProblemAlert } from '../parts/problem.tsx'
import { LanguageSwitch } from './language-switch.tsx'
import { Logo } from './logo.tsx'

/** `ended`: there was a session in this window. */
export function LoginPage({ ended }: { readonly ended: boolean }) {
  const { t } = useTranslation()
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const login = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/login', { body: { user, password } })),
    onSuccess: () => {
      queryClient.clear()
      // The page asks for everything anew, as whoever this is.
      location.reload()
    },
  })
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={380} shadow="sm">
        <form
          onSubmit={(event) => {
            event.preventDefault()
            login.mutate()
          }}
        >
          <Stack>
            <Group justify="space-between">
              <Logo />
              <LanguageSwitch />
            </Group>
            <Title order={1} size="h3">
              {t('login.title')}
            </Title>
            {ended && (
              <Alert color="orange" icon={<IconClockOff />} role="status">
                {t('login.ended')}
              </Alert>
            )}
            <TextInput
              label={t('login.user')}
              name="username"
              autoComplete="username"
              required
              data-autofocus
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
            />
            <PasswordInput
              label={t('login.password')}
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {login.error && <ProblemAlert error={login.error} />}
            <Button type="submit" loading={login.isPending}>
              {t('login.submit')}
            </Button>
            <Text size="xs" c="dimmed">
              {t('login.hint')}
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
