import type { Header } from './hpack.ts'

/** A request's headers by name; those that came twice are joined by `, `. */
export type RequestHeaders = Readonly<Record<string, string>>

const PSEUDO = new Set([':method', ':scheme', ':authority', ':path'])
const NEEDED = [':method', ':scheme', ':path']
/** Headers about one HTTP/1 connection. */
const FORBIDDEN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/**
 * The headers of a request, when they obey https://www.rfc-editor.org/rfc/rfc9113#section-8.3; else undefined: it is malformed.
 */
export function requestHeaders(headers: readonly Header[]): RequestHeaders | undefined {
  const found: Record<string, string> = Object.create(null)
  let regular = false
  for (const [name, value] of headers) {
    if (name.startsWith(':')) {
      if (regular || !PSEUDO.has(name) || found[name] !== undefined) return undefined
    } else {
      regular = true
      if (!isField(name, value)) return undefined
    }
    found[name] = found[name] === undefined ? value : `${found[name]}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return NEEDED.every((name) => found[name]) ? found : undefined
}

/** Whether a second block of headers may be trailers. */
export function areTrailers(headers: readonly Header[]): boolean {
  return headers.every(([name, value]) => !name.startsWith(':') && isField(name, value))
}

function isField(name: string, value: string): boolean {
  return name !== '' && !/[A-Z]/.test(name) && !FORBIDDEN.has(name) && (name !== 'te' || value === 'trailers')
}
