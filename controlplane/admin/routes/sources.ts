import type { FastifyInstance } from 'fastify'
import type { SourceState } from '../../consul/index.ts'
import type { AdminContext } from '../context.ts'
import { ApiError } from '../http/errors.ts'
import { answers, listOf, ref, whole } from '../schemas/parts.ts'

/** Registries: how each is doing, and what it told that nobody believes yet. */
export function sourceRoutes(app: FastifyInstance, { sources }: AdminContext): void {
  app.get(
    '/api/v1/sources',
    {
      schema: {
        operationId: 'listSources',
        tags: ['mesh'],
        summary: 'Registries the mesh reads beside its configuration, and how fresh what they told is',
        response: answers(
          {
            type: 'object',
            properties: { sources: listOf('Source', 'In the order they were named.'), drain: ref('Drain') },
            required: ['sources'],
          },
          'Empty where no registry is read.',
        ),
      },
    },
    async () => ({ sources: (sources?.states() ?? []).map(shown), ...(sources ? { drain: sources.drain() } : {}) }),
  )

  app.post<{ Body: { what?: string } }>(
    '/api/v1/sources/confirm',
    {
      config: { refuses: { 404: ['NOTHING_HELD'] } },
      schema: {
        operationId: 'confirmSource',
        tags: ['mesh'],
        summary: 'Believe what a registry told although it lost much: all that is held, or one thing',
        body: {
          type: 'object',
          additionalProperties: false,
          properties: { what: { type: 'string', maxLength: 1024, description: 'As `held[].what` names it.' } },
        },
        response: answers(
          {
            type: 'object',
            properties: { confirmed: whole('How many things are believed now.') },
            required: ['confirmed'],
          },
          'How many things were held.',
        ),
      },
    },
    async ({ body }) => {
      const confirmed = sources?.confirm(body?.what) ?? 0
      if (confirmed === 0)
        throw new ApiError(
          404,
          'NOTHING_HELD',
          body?.what === undefined ? 'nothing waits to be confirmed' : `${body.what} does not wait to be confirmed`,
        )
      return { confirmed }
    },
  )
}

function shown({ lastContact, held, error, ...state }: SourceState) {
  return {
    ...state,
    ...(lastContact === undefined ? {} : { lastContact: new Date(lastContact).toISOString() }),
    ...(error === undefined ? {} : { error }),
    held: held.map(({ since, ...one }) => ({ ...one, since: new Date(since).toISOString() })),
  }
}
