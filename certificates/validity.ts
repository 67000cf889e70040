import { X509Certificate } from 'node:crypto'

/** From when to when something holds, ms since the epoch, and whose it is. */
export interface Validity {
  readonly from: number
  readonly until: number
  /** The name in the certificate that ends first, such as `CN=shop`. */
  readonly subject: string
}

export interface AboutDates {
  readonly valid: boolean
  readonly text: string
}

/** Begin and end stand on lines of their own: TLS libraries overlook what follows on the same line, or the whole text. */
export const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----[ \t\r]*$/gm
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Who renews by program does so with a third of the lifetime left, 30 days of 90; half of that later it has failed. */
const SOON_MS = 14 * DAY_MS
const SOON_SHARE = 1 / 6

/** The certificates of a PEM text, as they stand there; what cannot be read is left out. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)]
    } catch {
      return []
    }
  })
}

/** What is wrong with a bundle of authorities as a whole, after its name; undefined: each of its certificates can be read. */
export function bundleProblem(pem: string): string | undefined {
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  if (begun === 0) return 'holds no PEM certificate'
  const unreadable = begun - certificatesIn(pem).length
  return unreadable === 0
    ? undefined
    : `holds ${unreadable} of ${begun} certificates that cannot be read; each begins on a line of its own`
}

/** When a chain holds: as long as each of its certificates does. Undefined without any. */
export function chainValidity(chain: readonly X509Certificate[]): Validity | undefined {
  const all = chain.map(validityOf)
  const first = all.reduce<Validity | undefined>(
    (least, one) => (least && least.until <= one.until ? least : one),
    undefined,
  )
  return first && { ...first, from: Math.max(...all.map(({ from }) => from)) }
}

/** When a bundle of authorities holds: as long as one of them does, for a former one stays beside its successor for a while. */
export function bundleValidity(bundle: readonly X509Certificate[]): Validity | undefined {
  const all = bundle.map(validityOf)
  const last = all.reduce<Validity | undefined>(
    (most, one) => (most && most.until >= one.until ? most : one),
    undefined,
  )
  return last && { ...last, from: Math.min(...all.map(({ from }) => from)) }
}

/**
 * What a person should know about the dates: that it has expired, is not valid yet, or ends soon (within 14 days, or within the last sixth
 * of a shorter life); `valid` is whether it holds now. Undefined: nothing.
 */
export function aboutDates({ from, until, subject }: Validity, now: number): AboutDates | undefined {
  const at = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const what = `the certificate of ${subject}`
  if (until <= now) return { valid: false, text: `${what} expired ${roughly(now - until)} ago (${at(until)})` }
  if (from > now)
    return { valid: false, text: `${what} is not valid yet: it begins in ${roughly(from - now)} (${at(from)})` }
  if (until - now > Math.min(SOON_MS, (until - from) * SOON_SHARE)) return undefined
  return { valid: true, text: `${what} expires in ${roughly(until - now)} (${at(until)})` }
}

function validityOf(certificate: X509Certificate): Validity {
  return {
    from: Date.parse(certificate.validFrom),
    until: Date.parse(certificate.validTo),
    subject: certificate.subject?.split('\n').at(-1) ?? 'nobody',
  }
}

/** A time as people say it: the largest unit of which there are two. */
function roughly(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.floor(ms / DAY_MS)} days`
  if (ms >= 2 * HOUR_MS) return `${Math.floor(ms / HOUR_MS)} hours`
  const minutes = Math.max(1, Math.floor(ms / MINUTE_MS))
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}
