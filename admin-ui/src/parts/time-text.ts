const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** Formats cost a thousand times what they format, and a list has one for each row: made once for each language and zone. */
const relative = new Map<string, Intl.RelativeTimeFormat>()
const absolute = new Map<string, Intl.DateTimeFormat>()

function madeOnce<Format>(known: Map<string, Format>, key: string, make: () => Format): Format {
  const found = known.get(key) ?? make()
  known.set(key, found)
  return found
}

const NOW_S = 5

/** "3 minutes ago", "in 2 hours", from two times in ms. */
export function ago(at: number, now: number, language: string): string {
  const apart = Math.round((at - now) / 1_000)
  // Clocks of two machines, and one that ticks once a second, are no future.
  const seconds = apart > 0 && apart < NOW_S ? 0 : apart
  const format = madeOnce(relative, language, () => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }))
  for (const [unit, size] of UNITS)
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  return format.format(seconds, 'second')
}

/** Date and time to the second with the zone's name. */
export function dateTime(at: string, language: string, zone: string | undefined): string {
  const make = () =>
    new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
      year: 'numeric',
      month: 'short',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'short',
      ...(zone ? { timeZone: zone } : {}),
    })
  return madeOnce(absolute, `${language} ${zone ?? ''}`, make).format(new Date(at))
}

/** What is left of a time as `1:02:03` or `12:30`, from ms; never negative. */
export function countdown(leftMs: number): string {
  const seconds = Math.max(0, Math.ceil(leftMs / 1_000))
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3_600)
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

/** `13:31:29.042`. */
export function clockTime(at: string, zone: string | undefined): string {
  const make = () =>
    new Intl.DateTimeFormat('en-GB', {
      ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' },
      ...(zone ? { timeZone: zone } : {}),
    })
  return madeOnce(absolute, `clock ${zone ?? ''}`, make).format(new Date(at))
}
