import { Alert, Anchor } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'

/** While another process keeps the history: where changes are made. */
export function ReadOnlyHere() {
  const { t } = useTranslation()
  const { data } = useQuery(queries.session())
  if (!data?.readOnly) return null
  const { api } = data.readOnly
  return (
    <Alert icon={<IconLock size={18} />} color="gray" mb="md" role="status" data-read-only>
      {t('readOnly.text')}{' '}
      {api && (
        <Anchor href={api} inherit underline="always">
          {t('readOnly.go')}: {api}
        </Anchor>
      )}
    </Alert>
  )
}
