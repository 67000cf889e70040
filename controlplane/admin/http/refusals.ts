import type { FastifySchema, RouteOptions } from 'fastify'
import { ref } from '../schemas/parts.ts'

/** Codes of errors that an operation may answer, by status. */
export type Refusals = Readonly<Record<number, readonly string[]>>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What it may refuse besides what every operation of its kind does. */
    readonly refuses?: Refusals
  }
}

/** Where the history is needed and cannot be read or written. */
const STORAGE = ['STORAGE_LOCKED', 'STORAGE_DAMAGED', 'STORAGE_GONE', 'STORAGE_FAILED', 'FOLDER_READ_ONLY'] as const

/** Everything an operation may refuse: what it says of itself, and what follows from what it takes and who may call it. */
export function refusalsOf({ method, schema, config }: Pick<RouteOptions, 'method' | 'schema' | 'config'>): Refusals {
  const { params, querystring, headers, body, tags = [] } = schema ?? {}
  const writes = ![method].flat().includes('GET')
  const open = config?.access === 'public'
  const kept = tags.includes('changes') || tags.includes('access')
  const all: Refusals[] = [
    { 421: ['WRONG_HOST'], 500: ['INTERNAL'] },
    params || querystring || headers || body ? { 400: ['BAD_REQUEST'] } : {},
    body ? { 413: ['TOO_LARGE'], 415: ['UNSUPPORTED_MEDIA_TYPE'], 503: ['BUSY'] } : {},
    open ? {} : { 401: ['LOGIN_NEEDED'], 403: ['ROLE_NEEDED'], 503: ['USERS_UNKNOWN'] },
    writes ? { 403: open ? ['WRONG_ORIGIN'] : ['WRONG_ORIGIN', 'CSRF'] } : {},
    kept ? { 503: ['READ_ONLY', ...STORAGE], 507: ['DISK_FULL'] } : {},
    config?.refuses ?? {},
  ]
  const merged = new Map<number, Set<string>>()
  for (const refusals of all)
    for (const [status, codes] of Object.entries(refusals))
      merged.set(Number(status), new Set([...(merged.get(Number(status)) ?? []), ...codes]))
  return Object.fromEntries([...merged].sort(([a], [b]) => a - b).map(([status, codes]) => [status, [...codes]]))
}

/** The schema of an operation as it is described: with what it refuses. */
export function withRefusals(route: Pick<RouteOptions, 'method' | 'schema' | 'config'>): FastifySchema {
  const { schema = {} } = route
  const described = schema.response as Readonly<Record<string, object>> | undefined
  // What has no form for errors is no operation of the API: health, metrics, events.
  if (!described?.['default']) return schema
  const { default: rest, ...known } = described
  const refusals = Object.entries(refusalsOf(route)).map(([status, codes]) => {
    const { description, ...own } = (known[status] ?? ref('Error')) as { readonly description?: string }
    const list = codes.map((code) => `\`${code}\``).join(', ')
    return [status, { ...own, description: description ? `${list}: ${description}` : list }]
  })
  return { ...schema, response: { ...known, ...Object.fromEntries(refusals), default: rest } }
}
