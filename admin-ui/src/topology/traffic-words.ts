import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { failedShare, milliseconds, rateText } from '../parts/traffic-text.ts'
import { type Label, percentile, type Traffic } from './model.ts'

/**
 * Says traffic in few words: how many requests in a second, or how long they take, and, where some fail, which share. Nothing where nobody
 * tells how long.
 */
export function useTrafficWords(label: Label = 'rate'): (traffic: Traffic) => string {
  const { t } = useTranslation('topology')
  return useCallback(
    (traffic) => {
      const ms = label === 'rate' ? undefined : percentile(label, traffic)
      const first = label === 'rate' ? rateText(traffic.rate) : ms === undefined ? '' : milliseconds(ms)
      const failed = traffic.failed > 0 ? t('failedOf', { failed: failedShare(traffic) }) : ''
      return [first, failed].filter(Boolean).join(' · ')
    },
    [t, label],
  )
}
