import { Text, Tooltip } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { ago, dateTime } from './time-text.ts'

export type Zone = 'local' | 'utc'

export function useZone() {
  return useLocalStorage<Zone>({ key: 'meshgate-zone', defaultValue: 'local', getInitialValueInEffect: false })
}

export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

let now = Date.now()
const tickers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** The time in ms, new every second, from one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(
    (listener) => {
      tickers.add(listener)
      timer ??= setInterval(() => {
        now = Date.now()
        for (const one of tickers) one()
      }, 1_000)
      return () => {
        tickers.delete(listener)
        if (tickers.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
    () => now,
  )
}

/** A moment as "3 minutes ago", with date, time and zone when one looks closer; `long` shows both. */
export function Time({ at, long = false }: { readonly at: string | undefined; readonly long?: boolean }) {
  const { t, i18n } = useTranslation()
  const [zone] = useZone()
  const present = useNow()
  if (at === undefined) return <>{t('time.unknown')}</>
  const full = dateTime(at, i18n.language, zone === 'utc' ? 'UTC' : undefined)
  const relative = ago(Date.parse(at), present, i18n.language)
  return (
    <Tooltip label={long ? at : `${full} · ${at}`}>
      <Text component="time" inherit dateTime={at} className="number">
        {long ? `${full} (${relative})` : relative}
      </Text>
    </Tooltip>
  )
}
