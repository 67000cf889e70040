import type { FastifyInstance } from 'fastify'
import type { Editing } from '../../editing.ts'
import { notFound } from '../../http/errors.ts'
import { answers, ref } from '../../schemas/parts.ts'
import { keptRevision } from '../kept.ts'
import { revisionParams } from './parameters.ts'

const getConvergence = {
  operationId: 'getConvergence',
  tags: ['changes'],
  summary: 'Which proxies have a revision, which refuse it and why',
  params: revisionParams,
  response: answers(ref('Convergence'), 'Proxies the revision concerned when it was written.'),
}

/** Who has a revision. */
export function convergenceRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get<{ Params: { revision: number } }>(
    '/api/v1/revisions/:revision/convergence',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getConvergence },
    async ({ params: { revision } }) => {
      const { changes } = need()
      const found = changes.convergences.of(revision)
      if (found) return found
      keptRevision(changes.ledger, revision)
      throw notFound(`revision ${revision} is not followed: it was made by hand, or before the control plane started`)
    },
  )
}
