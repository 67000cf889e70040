import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { queries } from '../api/queries.ts'

/** Whether the one who looks may change the configuration. */
export function useMayEdit(): boolean {
  const { data } = useQuery(queries.session())
  return data !== undefined && data.role !== 'viewer' && data.readOnly === undefined
}

/** Why the one who looks may not change the configuration, in words; undefined who may. */
export function useMayNot(): string | undefined {
  const { t } = useTranslation()
  const { data } = useQuery(queries.session())
  if (data?.readOnly) return t('mayNot.here')
  return data === undefined || data.role === 'viewer' ? t('mayNot.role') : undefined
}
