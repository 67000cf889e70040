import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ReadOnlyReason, ROLES, type Role, type Token } from '../../ledger/index.ts'
import { ApiError, notFound } from '../errors.ts'
import { answers, ref, text } from '../schemas.ts'
import { type Actor, SESSION_COOKIE, sessionSecret } from './access.ts'
import type { Editing } from './editing.ts'
import type { LoginLimit } from './login-limit.ts'
import { named } from './schemas.ts'

const DAY_MS = 24 * 3_600_000
const role = { type: 'string', enum: [...ROLES] } as const

/** Logging in and out, tokens for scripts, and the audit. */
export function accessRoutes(app: FastifyInstance, need: () => Editing, limit: LoginLimit): void {
  app.post<{ Body: { user: string; password: string } }>(
    '/api/v1/login',
    {
      bodyLimit: 16 * 1024,
      config: { refuses: { 401: ['LOGIN_FAILED'], 429: ['TOO_MANY_ATTEMPTS'] }, access: 'public' },
      schema: {
        operationId: 'login',
        tags: ['access'],
        summary: 'Log in: the answer sets a cookie',
        body: {
          type: 'object',
          required: ['user', 'password'],
          additionalProperties: false,
          properties: {
            user: { type: 'string', maxLength: 128, description: 'Name of the user.' },
            password: {
              type: 'string',
              maxLength: 1_024,
              description: 'In plain: use TLS where the network is not yours.',
            },
          },
        },
        response: answers(ref('Session'), 'Logged in.'),
      },
    },
    async (request, reply) => {
      const { accounts, changes } = need()
      const { user: name, password } = request.body
      const wait = limit.waitSeconds(request.peer, name)
      if (wait > 0) throw tooMany(reply, wait)
      // Counted before the answer is known, so that many attempts at once are not one.
      limit.failed(request.peer, name)
      const user = await limit.inTurn(async () => (await accounts.check(name, password)) ?? null)
      if (user === undefined) throw tooMany(reply, 2)
      if (user === null) throw new ApiError(401, 'LOGIN_FAILED', 'there is no such user, or the password is wrong')
      limit.succeeded(request.peer, name)
      endSession(request, need())
      const { secret, csrf } = accounts.open(user.name)
      reply.header('set-cookie', cookie(request, secret))
      request.actor = { name: user.name, role: user.role, via: 'session', csrf }
      return session(request.actor, changes.ledger.readOnly)
    },
  )

  app.post(
    '/api/v1/logout',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'logout',
        tags: ['access'],
        summary: 'End the session',
        response: answers({ type: 'object', properties: {} }, 'Logged out.'),
      },
    },
    async (request, reply) => {
      endSession(request, need())
      reply.header('set-cookie', `${cookie(request, '')}; Max-Age=0`)
      return {}
    },
  )

  app.get(
    '/api/v1/session',
    {
      schema: {
        operationId: 'getSession',
        tags: ['access'],
        summary: 'Who is asking, and what they may',
        response: answers(ref('Session'), 'The one who asks.'),
      },
    },
    async ({ actor }) => {
      const { changes } = need()
      return session(actor!, changes.ledger.readOnly)
    },
  )

  app.get(
    '/api/v1/users',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listUsers',
        tags: ['access'],
        summary: 'Who may log in; users are made on the server, with `meshgate user`',
        response: answers(named('users', 'User', 'Everybody who may log in.'), 'By name.'),
      },
    },
    async () => ({
      users: need()
        .accounts.users()
        .map(({ created, ...user }) => ({ ...user, created: new Date(created).toISOString() })),
    }),
  )

  app.get(
    '/api/v1/tokens',
    {
      schema: {
        operationId: 'listTokens',
        tags: ['access'],
        summary: 'Tokens of the one who asks; of everybody for an admin',
        response: answers(named('tokens', 'Token', 'Those that were not revoked.'), 'Oldest first.'),
      },
    },
    async ({ actor }) => ({
      tokens: need()
        .accounts.tokens()
        .filter((token) => mayManage(actor!, token))
        .map(shownToken),
    }),
  )

  app.post<{ Body: { name: string; role: Role; days?: number } }>(
    '/api/v1/tokens',
    {
      config: { refuses: { 403: ['LOGIN_NEEDED'] }, access: 'viewer' },
      schema: {
        operationId: 'createToken',
        tags: ['access'],
        summary: 'A token for a script; its secret is answered this once',
        body: {
          type: 'object',
          required: ['name', 'role'],
          additionalProperties: false,
          properties: {
            name: {
              type: 'string',
              pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
              description: 'For people: what it is for.',
            },
            role: { ...role, description: 'Not more than your own.' },
            days: { type: 'integer', minimum: 1, maximum: 3_650, description: 'Expires after; never if not given.' },
          },
        },
        response: answers(
          {
            type: 'object',
            properties: { token: ref('Token'), secret: text('The token itself; shown this once.') },
            required: ['token', 'secret'],
          },
          'To be sent as `Authorization: Bearer …`.',
        ),
      },
    },
    async ({ actor, body: { name, role: wanted, days } }) => {
      const { accounts } = need()
      // A token that makes tokens would outlive its own end; and without users there is nobody it would belong to.
      if (actor!.via !== 'session') throw new ApiError(403, 'LOGIN_NEEDED', 'log in to create a token')
      if (ROLES.indexOf(wanted) > ROLES.indexOf(actor!.role))
        throw new ApiError(403, 'ROLE_NEEDED', `a token cannot be ${wanted} when you are ${actor!.role}`)
      const expires = days === undefined ? undefined : Date.now() + days * DAY_MS
      const { token, secret } = accounts.issue({ name, user: actor!.name, role: wanted, expires })
      return { token: shownToken(token), secret }
    },
  )

  app.delete<{ Params: { id: string } }>(
    '/api/v1/tokens/:id',
    {
      config: { refuses: { 404: ['NOT_FOUND'] }, access: 'viewer' },
      schema: {
        operationId: 'revokeToken',
        tags: ['access'],
        summary: 'Revoke a token, at once',
        params: {
          type: 'object',
          properties: { id: { type: 'string', maxLength: 64, description: 'Id of the token, not its secret.' } },
          required: ['id'],
        },
        response: answers({ type: 'object', properties: {} }, 'Revoked.'),
      },
    },
    async ({ actor, params: { id } }) => {
      const { accounts } = need()
      const token = accounts.tokens().find((one) => one.id === id)
      if (!token || !mayManage(actor!, token)) throw notFound(`there is no token ${id}`)
      accounts.revoke(id)
      return {}
    },
  )

  app.get<{ Querystring: { before?: number; limit: number } }>(
    '/api/v1/audit',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listAudit',
        tags: ['access'],
        summary: 'Every write and every refusal',
        querystring: {
          type: 'object',
          properties: {
            before: { type: 'integer', minimum: 1, description: 'Only entries with smaller ids.' },
            limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 100, description: 'The most to answer.' },
          },
        },
        response: answers(named('entries', 'AuditEntry', 'Newest first.'), 'Newest first.'),
      },
    },
    async ({ query }) => ({
      entries: need()
        .audit.entries(query.limit, query.before)
        .map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })),
    }),
  )
}

function session({ name, role: has, via, csrf }: Actor, readOnly: ReadOnlyReason | undefined) {
  return { user: name, role: has, via, ...(csrf ? { csrf } : {}), ...(readOnly ? { readOnly } : {}) }
}

function mayManage(actor: Actor, token: Token): boolean {
  return actor.role === 'admin' || (actor.via === 'session' && token.user === actor.name)
}

function shownToken({ created, expires, user, ...token }: Token) {
  return {
    ...token,
    ...(user ? { user } : {}),
    created: new Date(created).toISOString(),
    ...(expires ? { expires: new Date(expires).toISOString() } : {}),
  }
}

function endSession(request: FastifyRequest, { accounts }: Editing): void {
  const secret = sessionSecret(request)
  if (secret !== undefined) accounts.close(secret)
}

function cookie({ protocol }: FastifyRequest, secret: string): string {
  return `${SESSION_COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Strict${protocol === 'https' ? '; Secure' : ''}`
}

function tooMany(reply: FastifyReply, seconds: number): ApiError {
  reply.header('retry-after', String(seconds))
  return new ApiError(429, 'TOO_MANY_ATTEMPTS', `too many attempts; try again in ${seconds} s`)
}
