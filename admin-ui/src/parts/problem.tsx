import { Alert, Button, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle } from '@tabler/icons-react'
import i18next from 'i18next'
import { useTranslation } from 'react-i18next'
import { ApiProblem } from '../api/problem.ts'
import { explained } from '../i18n/explained.ts'

/** What went wrong, in the words of who refused it, and a way to try again where there is one. */
export function ProblemAlert({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { t } = useTranslation()
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={t('error.problem')} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{problemText(error)}</Text>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            {t('error.again')}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** Tells about a failure that has no place on the page. */
export function notifyProblem(error: unknown): void {
  notifications.show({
    color: 'red',
    title: i18next.t('error.problem'),
    message: problemText(error),
    autoClose: 12_000,
  })
}

/** What went wrong, in the language of the page where its code has words there, else as the error says it. */
export function problemText(error: unknown): string {
  if (error instanceof ApiProblem)
    return error.status === 0 ? i18next.t('error.noAnswer') : explained(error.code, error.message)
  // By its name: the YAML core is no part of the first load.
  if (error instanceof Error && error.name === 'YamlEditError' && 'code' in error)
    return explained(`yaml.${String(error.code)}`, error.message)
  return error instanceof Error ? error.message : String(error)
}
