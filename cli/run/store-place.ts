import { UsageError } from '../errors.ts'

/** A place configuration is kept in. */
export type StorePlace =
  | { readonly kind: 'file'; readonly folder: string }
  | { readonly kind: 'consul'; readonly url: string; readonly prefix: string }

/** `file:DIR`, `DIR` or `consul:http://HOST:PORT/PREFIX`. @throws UsageError */
export function storePlace(text: string): StorePlace {
  if (text.startsWith('file:')) return { kind: 'file', folder: text.slice('file:'.length) || '.' }
  if (!text.startsWith('consul:')) return { kind: 'file', folder: text }
  const rest = text.slice('consul:'.length)
  const url = URL.canParse(rest) ? new URL(rest) : undefined
  const prefix = url?.pathname.replace(/^\/+|\/+$/g, '') ?? ''
  if (!url || !/^https?:$/.test(url.protocol) || prefix === '' || url.search || url.hash)
    throw new UsageError(
      `${text}: write consul:http://HOST:PORT/PREFIX, for example consul:http://127.0.0.1:8500/meshgate`,
    )
  return { kind: 'consul', url: url.origin, prefix: decodeURIComponent(prefix) }
}
