import type { FastifyInstance } from 'fastify'
import type { Editing } from '../editing.ts'
import { answers, named } from '../schemas/parts.ts'

/** Who did or tried what. */
export function auditRoutes(app: FastifyInstance, need: () => Editing): void {
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
