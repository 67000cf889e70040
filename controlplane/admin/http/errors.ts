import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { StorageError } from '../../ledger/index.ts'

/** An answer that is an error; `code` is stable, the message is for people. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** 404: what the path or the body names is not there; the message names it. */
export const notFound = (message: string) => new ApiError(404, 'NOT_FOUND', message)
/** 400: the request itself is wrong; the message says what to write instead. */
export const badRequest = (message: string) => new ApiError(400, 'BAD_REQUEST', message)

/** Codes of what the HTTP library refuses by itself: its own are no promise of ours. */
const CODES: Readonly<Record<number, string>> = { 413: 'TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE' }

const TEXTS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than this path takes',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'send JSON, with the header content-type: application/json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is no JSON',
}

const PARTS: Readonly<Record<string, string>> = {
  querystring: 'query',
  params: 'path',
  body: 'body',
  headers: 'headers',
}

/** What is wrong with which part of a request: `query: type must be one of cds, eds`. */
function validationText({ validation, validationContext, message }: FastifyError): string {
  const part = PARTS[validationContext ?? ''] ?? validationContext
  const [first] = validation ?? []
  if (!first) return `${part}: ${message}`
  const { keyword, instancePath, params } = first
  const name = instancePath.slice(1).replaceAll('/', '.')
  if (keyword === 'required')
    return `${part}: ${[name, params['missingProperty']].filter(Boolean).join('.')} is missing`
  const allowed = params['allowedValues']
  const rule = keyword === 'enum' && Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : first.message
  return `${part}: ${name ? `${name} ` : ''}${rule}`
}

interface KnownRoute {
  readonly methods: readonly string[]
  readonly pattern: RegExp
}

/** Routes as they are added, to tell a wrong method from a wrong path. */
function watchRoutes(app: FastifyInstance): readonly KnownRoute[] {
  const routes: KnownRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    const source = url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\*/g, '.*')
    routes.push({ methods: [method].flat(), pattern: new RegExp(`^${source}$`) })
  })
  return routes
}

/** Answers a request for a path no route has, or leaves it. */
export type Otherwise = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined

/** Every error leaves as `{code, message}`; details of the unexpected ones go to the log only. */
export function installErrors(app: FastifyInstance, otherwise: Otherwise = () => undefined): void {
  const routes = watchRoutes(app)
  app.setErrorHandler((error: FastifyError | ApiError | StorageError, request, reply) => {
    if (error instanceof ApiError) return reply.status(error.status).send({ code: error.code, message: error.message })
    if (error instanceof StorageError) {
      request.log.warn({ err: error }, 'the configuration or its history cannot be read or written')
      if (error.code === 'STORAGE_LOCKED') reply.header('retry-after', '2')
      const status = error.code === 'DISK_FULL' ? 507 : 503
      return reply.status(status).send({ code: error.code, message: error.message })
    }
    if ('validation' in error && error.validation)
      return reply.status(400).send({ code: 'BAD_REQUEST', message: validationText(error) })
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500
    if (status < 500)
      return reply
        .status(status)
        .send({ code: CODES[status] ?? 'BAD_REQUEST', message: TEXTS[error.code ?? ''] ?? error.message })
    request.log.error({ err: error }, 'request failed')
    return reply.status(500).send({ code: 'INTERNAL', message: 'the request failed; the log of meshgate says why' })
  })
  app.setNotFoundHandler((request, reply) => {
    const other = otherwise(request, reply)
    if (other) return other
    const path = request.url.split('?')[0]!
    const allowed = [...new Set(routes.flatMap(({ methods, pattern }) => (pattern.test(path) ? methods : [])))]
    // A route of files takes the method, and may have no such file.
    if (allowed.length === 0 || allowed.includes(request.method))
      return reply.status(404).send({ code: 'NOT_FOUND', message: `there is no ${request.method} ${path}` })
    return reply
      .status(405)
      .header('allow', allowed.join(', '))
      .send({ code: 'METHOD_NOT_ALLOWED', message: `${path} takes ${allowed.join(', ')}, not ${request.method}` })
  })
}
