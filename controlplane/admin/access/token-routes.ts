import type { FastifyInstance } from 'fastify'
import { ROLES, type Role, type Token } from '../../ledger/index.ts'
import type { Editing } from '../editing.ts'
import { ApiError, notFound } from '../http/errors.ts'
import { answers, named, ref, text } from '../schemas/parts.ts'
import type { Actor } from './access.ts'

const DAY_MS = 24 * 3_600_000

const listTokens = {
  operationId: 'listTokens',
  tags: ['access'],
  summary: 'Tokens of the one who asks; of everybody for an admin',
  response: answers(named('tokens', 'Token', 'Those that were not revoked.'), 'Oldest first.'),
}

const createToken = {
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
      role: { type: 'string', enum: [...ROLES], description: 'Not more than your own.' },
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
}

const revokeToken = {
  operationId: 'revokeToken',
  tags: ['access'],
  summary: 'Revoke a token, at once',
  params: {
    type: 'object',
    properties: { id: { type: 'string', maxLength: 64, description: 'Id of the token, not its secret.' } },
    required: ['id'],
  },
  response: answers({ type: 'object', properties: {} }, 'Revoked.'),
}

/** Tokens for scripts: whose they are, new ones, and revoking. */
export function tokenRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get('/api/v1/tokens', { schema: listTokens }, async ({ actor }) => ({
    tokens: need()
      .accounts.tokens()
      .filter((token) => mayManage(actor!, token))
      .map(shownToken),
  }))

  app.post<{ Body: { name: string; role: Role; days?: number } }>(
    '/api/v1/tokens',
    { config: { refuses: { 403: ['LOGIN_NEEDED'] }, access: 'viewer' }, schema: createToken },
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
    { config: { refuses: { 404: ['NOT_FOUND'] }, access: 'viewer' }, schema: revokeToken },
    async ({ actor, params: { id } }) => {
      const { accounts } = need()
      const token = accounts.tokens().find((one) => one.id === id)
      if (!token || !mayManage(actor!, token)) throw notFound(`there is no token ${id}`)
      accounts.revoke(id)
      return {}
    },
  )
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
