import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { failedShare, rateText } from '../parts/traffic-text.ts'
import type { Traffic } from './model.ts'

/** Says traffic in few words: how many requests in a second and, where some fail, which share. */
export function useTrafficWords(): (traffic: Traffic) => string {
  const { t } = useTranslation('topology')
  return useCallback(
    (traffic) =>
      traffic.failed > 0
        ? `${rateText(traffic.rate)} · ${t('failedOf', { failed: failedShare(traffic) })}`
        : rateText(traffic.rate),
    [t],
  )
}
