import { useLocalStorage } from '@mantine/hooks'
import { useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { ago, clockTime, dateTime } from './time-text.ts'

export type Zone = 'local' | 'utc'

/** The zone that times are shown in, kept by the browser for all pages, and how to change it. */
export function useZone() {
  return useLocalStorage<Zone>({ key: 'meshgate-zone', defaultValue: 'local', getInitialValueInEffect: false })
}

/** The name of the browser's own zone: `Asia/Shanghai`. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

let now = Date.now()
const tickers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** The clock stands while nobody looks at it. */
function present(): number {
  if (timer === undefined) now = Math.floor(Date.now() / 1_000) * 1_000
  return now
}

function onTick(listener: () => void): () => void {
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
}

/**
 * What `read` says of the time in ms, looked at every second by one clock for the whole page; who asks is rendered when it says
 * something else. `read` gives a text or a number.
 */
function useClock<T extends string | number>(read: (now: number) => T): T {
  return useSyncExternalStore(onTick, () => read(present()))
}

/** The time in ms, new every second. For what counts down; `useClock` renders less. */
export function useNow(): number {
  return useClock((present) => present)
}

/** A moment as the time of the day to the millisecond, for logs; with date and zone when one looks closer. */
export function ClockTime({ at }: { readonly at: string }) {
  const { i18n } = useTranslation()
  const zone = useZone()[0] === 'utc' ? 'UTC' : undefined
  return (
    <time dateTime={at} className="number" title={`${dateTime(at, i18n.language, zone)} · ${at}`}>
      {clockTime(at, zone)}
    </time>
  )
}

/** A moment as "3 minutes ago", with date, time and zone when one looks closer; `long` shows both. */
export function Time({ at, long = false }: { readonly at: string | undefined; readonly long?: boolean }) {
  const { t, i18n } = useTranslation()
  const [zone] = useZone()
  const relative = useClock((present) => (at === undefined ? '' : ago(Date.parse(at), present, i18n.language)))
  if (at === undefined) return <>{t('time.unknown')}</>
  const full = dateTime(at, i18n.language, zone === 'utc' ? 'UTC' : undefined)
  return (
    <time dateTime={at} className="number" title={long ? at : `${full} · ${at}`}>
      {long ? `${full} (${relative})` : relative}
    </time>
  )
}
