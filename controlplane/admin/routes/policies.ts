import type { FastifyInstance } from 'fastify'
import { formatPath } from '../../diagnostics/diagnostic.ts'
import { places } from '../../explain/step.ts'
import type { AdminContext } from '../context.ts'
import { policiesInForce } from '../policies/in-force.ts'
import { POLICY_TOPICS, type PolicyTopic } from '../policies/policies.ts'
import { answers, listOf } from '../schemas/parts.ts'

const listPolicies = {
  operationId: 'listPolicies',
  tags: ['mesh'],
  summary: 'What rules do to services: splits, faults, limits, retries, mirrors, load balancing',
  querystring: {
    type: 'object',
    properties: {
      service: { type: 'string', maxLength: 512, description: 'Only of the service with this hostname.' },
      topic: { type: 'string', enum: [...POLICY_TOPICS], description: 'Only what is about this.' },
    },
  },
  response: answers(
    {
      type: 'object',
      properties: { policies: listOf('Policy', 'By precedence of their documents.') },
      required: ['policies'],
    },
    'In order of precedence of their documents.',
  ),
}

/** What rules do to services. */
export function policyRoutes(app: FastifyInstance, context: AdminContext): void {
  const { world } = context.mesh.model
  app.get<{ Querystring: { service?: string; topic?: PolicyTopic } }>(
    '/api/v1/policies',
    { schema: listPolicies },
    async ({ query: { service, topic } }) => ({
      policies: policiesInForce(context)
        .filter((one) => (!topic || one.topic === topic) && (!service || one.services.includes(service.toLowerCase())))
        .map(({ topic: about, object, path, services, match, values, expiresAt }) => ({
          topic: about,
          document: object.key,
          path: formatPath(path),
          place: places([world.origin(object, path)])[0],
          services,
          match,
          values,
          ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
        })),
    }),
  )
}
