import type { FastifyInstance } from 'fastify'
import type { Editing } from '../../editing.ts'
import { notFound } from '../../http/errors.ts'
import { answers, ref } from '../../schemas/parts.ts'
import { revisionParams } from './parameters.ts'

/** What traffic does after a change, beside what it did before. */
export function revisionFigureRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get<{ Params: { revision: number } }>(
    '/api/v1/revisions/:revision/figures',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'getRevisionFigures',
        tags: ['changes'],
        summary: 'Traffic of the services a revision touches, five minutes before it and five minutes after',
        params: revisionParams,
        response: answers(ref('RevisionFigures'), 'Services with the most requests first.'),
      },
    },
    async ({ params: { revision } }) => {
      const traffic = need().changes.traffic.of(revision)
      if (!traffic)
        throw notFound(
          `nobody watched traffic after revision ${revision}: it is the first, an old one, or of another replica`,
        )
      return { revision, ...traffic }
    },
  )
}
