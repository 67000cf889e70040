import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Accounts, type Audit, ROLES, type Role } from '../../ledger/index.ts'
import { ApiError } from '../http/errors.ts'

/** Who asks. */
export interface Actor {
  readonly name: string
  readonly role: Role
  /** open: nobody needs to log in on loopback while there are no users. */
  readonly via: 'open' | 'session' | 'token' | 'certificate'
  readonly csrf?: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call it; without it, who reads is a viewer and who writes an editor. */
    readonly access?: 'public' | Role
    /** A POST that changes nothing: no entry in the audit when it is done. */
    readonly reads?: boolean
  }
  interface FastifyRequest {
    actor: Actor | undefined
    /** Address the request came from, as of its beginning: a connection that is closed has none any more. */
    peer: string
  }
}

export interface AccessOptions {
  readonly accounts: Accounts
  readonly audit: Audit
  /** Whether the API can be reached from this machine only. */
  readonly loopback: boolean
}

export const SESSION_COOKIE = 'meshgate_session'

/**
 * Lets in who may; everything else under /api, the metrics and the description of the API need at least a viewer.
 * @param now who may; undefined while nothing can be changed, and everybody may read
 */
export function installAccess(app: FastifyInstance, now: () => AccessOptions | undefined): void {
  app.decorateRequest('actor', undefined)
  app.decorateRequest('peer', '')
  app.addHook('onRequest', async (request) => {
    // Already gone where it was closed before its first byte was looked at.
    request.peer = (request.ip as string | undefined) ?? ''
    const needed = neededRole(request)
    // Health and pages must not depend on the database.
    const options = now()
    if (needed === 'public' || !options) return
    request.actor = actorOf(request, options)
    const { actor } = request
    if (!actor)
      throw new ApiError(
        401,
        'LOGIN_NEEDED',
        options.accounts.users().length > 0
          ? 'log in, or send a token: Authorization: Bearer mg_…'
          : 'no users are defined, and the API is not on loopback: create one with "meshgate user add"',
      )
    if (ROLES.indexOf(actor.role) < ROLES.indexOf(needed))
      throw new ApiError(403, 'ROLE_NEEDED', `this needs the role ${needed}; ${actor.name} is ${actor.role}`)
    if (!isRead(request.method)) requireOwnPage(request, actor)
  })
  // Not when it has been sent: to a caller that is gone nothing is, and what it did is done.
  app.addHook('onSend', async (request, reply) => {
    const refused = [401, 403, 421, 429].includes(reply.statusCode)
    const write = !isRead(request.method) && request.routeOptions.config?.reads !== true
    // Who only looked without being logged in is no event.
    if (!write && !(refused && reply.statusCode !== 401)) return
    const outcome = refused ? 'refused' : reply.statusCode < 400 ? 'done' : 'failed'
    now()?.audit.record({
      who: request.actor?.name ?? '',
      peer: request.peer,
      action: `${request.method} ${request.routeOptions.url ?? request.url.split('?')[0]!.slice(0, 200)}`,
      outcome,
      detail: String(reply.statusCode),
    })
  })
}

/** Who sends a request, undefined for somebody unknown. A token or cookie that is not valid is never taken for less than that. */
export function actorOf(request: FastifyRequest, { accounts, loopback }: AccessOptions): Actor | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const token = /^Bearer (mg_[\w-]{1,200})$/i.exec(authorization)
    const found = token && accounts.token(token[1]!)
    return found
      ? { name: found.user ? `${found.user}/${found.name}` : found.name, role: found.role, via: 'token' }
      : undefined
  }
  const secret = sessionSecret(request)
  const session = secret === undefined ? undefined : accounts.session(secret)
  if (session) return { name: session.user.name, role: session.user.role, via: 'session', csrf: session.csrf }
  if (loopback && accounts.users().length === 0) return { name: 'local', role: 'editor', via: 'open' }
  const { socket } = request.raw
  if ('authorized' in socket && socket.authorized === true)
    return { name: 'certificate', role: 'viewer', via: 'certificate' }
  return undefined
}

/** The secret of the session in the cookie of a request, if it carries one; whether it is valid is not looked at. */
export function sessionSecret({ headers }: FastifyRequest): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=')
    if (name === SESSION_COOKIE && value) return value
  }
  return undefined
}

/** Who may call a path. */
export function neededRole({ method, url, routeOptions }: FastifyRequest): 'public' | Role {
  const access = routeOptions.config?.access
  if (access) return access
  const path = url.split('?')[0]!
  if (!path.startsWith('/api/') && path !== '/metrics' && path !== '/openapi.json') return 'public'
  return isRead(method) ? 'viewer' : 'editor'
}

/** A browser sends cookies along for every page; only ours knows the token. Requests without a cookie prove themselves otherwise. */
function requireOwnPage({ headers }: FastifyRequest, actor: Actor): void {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new ApiError(
      403,
      'WRONG_ORIGIN',
      'a page of another site may not change anything here: only pages that this API serves may, and programs',
    )
  if (actor.via !== 'session') return
  const given = Buffer.from(String(headers['x-csrf-token'] ?? ''))
  const expected = Buffer.from(actor.csrf!)
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new ApiError(403, 'CSRF', 'the header x-csrf-token is missing or not that of this session')
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
