/** Traffic in a window of time. */
export interface Window {
  /** How long the window is. */
  readonly seconds: number
  readonly requests: number
  readonly failed: number
}

/** Requests in a second, `12.3/s`; a dash while the window is too short to tell. */
export function perSecond({ seconds, requests }: Window): string {
  if (seconds === 0) return '–'
  return rateText(requests / seconds)
}

/** The same of a rate. */
export function rateText(rate: number): string {
  return `${rate.toFixed(rate < 10 ? 1 : 0)}/s`
}

/** Share of failed requests, `2.5 %`; a dash when there were none. */
export function failedShare({ requests, failed }: Pick<Window, 'requests' | 'failed'>): string {
  if (requests === 0) return '–'
  return `${((failed / requests) * 100).toFixed(failed === 0 ? 0 : 1)} %`
}

/** From this share of failed requests on a service is one to look at. */
const FAILING = 0.01

/** Whether so many of the requests fail that somebody should look. */
export function isFailing({ requests, failed }: Pick<Window, 'requests' | 'failed'>): boolean {
  return failed > 0 && failed >= requests * FAILING
}

/** `12.5 ms`; a dash where nobody tells. */
export function milliseconds(value: number | undefined): string {
  return value === undefined ? '–' : `${value} ms`
}
