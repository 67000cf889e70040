import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ReadOnlyReason } from '../../ledger/index.ts'
import type { Editing } from '../editing.ts'
import { ApiError } from '../http/errors.ts'
import { answers, named, ref } from '../schemas/parts.ts'
import { type Actor, SESSION_COOKIE, sessionSecret } from './access.ts'
import type { LoginLimit } from './login-limit.ts'

const login = {
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
}

const logout = {
  operationId: 'logout',
  tags: ['access'],
  summary: 'End the session',
  response: answers({ type: 'object', properties: {} }, 'Logged out.'),
}

const getSession = {
  operationId: 'getSession',
  tags: ['access'],
  summary: 'Who is asking, and what they may',
  response: answers(ref('Session'), 'The one who asks.'),
}

const listUsers = {
  operationId: 'listUsers',
  tags: ['access'],
  summary: 'Who may log in; users are made on the server, with `meshgate user`',
  response: answers(named('users', 'User', 'Everybody who may log in.'), 'By name.'),
}

/** Logging in and out, who is asking, and who may log in at all. */
export function sessionRoutes(app: FastifyInstance, need: () => Editing, limit: LoginLimit): void {
  app.post<{ Body: { user: string; password: string } }>(
    '/api/v1/login',
    {
      bodyLimit: 16 * 1024,
      config: { refuses: { 401: ['LOGIN_FAILED'], 429: ['TOO_MANY_ATTEMPTS'] }, access: 'public' },
      schema: login,
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

  app.post('/api/v1/logout', { config: { access: 'viewer' }, schema: logout }, async (request, reply) => {
    endSession(request, need())
    reply.header('set-cookie', `${cookie(request, '')}; Max-Age=0`)
    return {}
  })

  app.get('/api/v1/session', { schema: getSession }, async ({ actor }) => {
    const { changes } = need()
    return session(actor!, changes.ledger.readOnly)
  })

  app.get('/api/v1/users', { config: { access: 'admin' }, schema: listUsers }, async () => ({
    users: need()
      .accounts.users()
      .map(({ created, ...user }) => ({ ...user, created: new Date(created).toISOString() })),
  }))
}

function session({ name, role: has, via, csrf }: Actor, readOnly: ReadOnlyReason | undefined) {
  return { user: name, role: has, via, ...(csrf ? { csrf } : {}), ...(readOnly ? { readOnly } : {}) }
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
