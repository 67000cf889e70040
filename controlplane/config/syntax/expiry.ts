import { parseDuration } from './duration.ts'

/** Annotation: when the faults and mirrors of a document end, as a time of RFC 3339 (`2026-11-21T22:00:00Z`). */
export const EXPIRES_AT = 'meshgate.io/expires-at'
/** Annotation: how long they last from when the document is first read (`30m`); it becomes `expires-at` then. */
export const EXPIRES_IN = 'meshgate.io/expires-in'

/** Kinds whose rules have faults or mirrors. */
export const EXPIRING_KINDS: ReadonlySet<string> = new Set(['VirtualService', 'MsgRouter', 'MetaRouter'])

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/
const LONGEST_MS = 366 * 24 * 3_600_000

/** A time of RFC 3339 in ms since 1970; undefined when the text is none. https://www.rfc-editor.org/rfc/rfc3339#section-5.6 */
export function parseTime(text: string): number | undefined {
  const at = RFC_3339.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

/** What is wrong with the annotations about expiry, each under its name; empty when nothing is. */
export function expiryProblems(annotations: Readonly<Record<string, string>>): readonly {
  readonly key: string
  readonly message: string
}[] {
  const { [EXPIRES_AT]: at, [EXPIRES_IN]: duration } = annotations
  if (at !== undefined && duration !== undefined)
    return [{ key: EXPIRES_IN, message: `give either ${EXPIRES_AT} or ${EXPIRES_IN}` }]
  if (at !== undefined && parseTime(at) === undefined)
    return [{ key: EXPIRES_AT, message: `"${at.slice(0, 80)}" is no time such as 2026-11-21T22:00:00Z` }]
  if (duration === undefined) return []
  const ms = parseDuration(duration)
  if (ms === undefined || ms < 1_000 || ms > LONGEST_MS)
    return [
      { key: EXPIRES_IN, message: `"${duration.slice(0, 80)}" is no duration such as 90s or 1h30m, from 1s to a year` },
    ]
  return []
}
