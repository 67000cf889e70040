import type { FastifyInstance } from 'fastify'
import { RESOURCE_TYPES, type ResourceType } from '../../../proto/types.ts'
import type { AdminContext } from '../context.ts'
import { answers, envoyMessage } from '../schemas/parts.ts'
import { PLURAL, staticNode, translateResources, translateStatic } from '../translate.ts'
import { type NodeQuery, nodeQuery, queriedNode } from './node-query.ts'

/** What a proxy would get. */
export function translateRoutes(app: FastifyInstance, context: AdminContext): void {
  const list = { type: 'array', items: envoyMessage, description: 'What the proxy would get, by name.' } as const
  app.get<{ Querystring: NodeQuery & { type: ResourceType | 'all'; format: 'resources' | 'envoy' } }>(
    '/api/v1/translate',
    {
      schema: {
        operationId: 'translate',
        tags: ['proxies'],
        summary: 'What a proxy would get',
        querystring: {
          type: 'object',
          required: ['node'],
          properties: {
            ...nodeQuery,
            type: {
              type: 'string',
              enum: [...RESOURCE_TYPES, 'all'],
              default: 'all',
              description: 'Only resources of this type.',
            },
            format: {
              type: 'string',
              enum: ['resources', 'envoy'],
              default: 'resources',
              description: '`envoy`: one bootstrap without a control plane, for reading; private keys are redacted.',
            },
          },
        },
        response: answers(
          {
            type: 'object',
            properties: Object.fromEntries(Object.values(PLURAL).map((name) => [name, list])),
            additionalProperties: true,
          },
          'Lists of Envoy messages, or a bootstrap.',
        ),
      },
    },
    async ({ query }) => {
      const node = queriedNode(query, context)
      return query.format === 'envoy'
        ? translateStatic(context.mesh.view(staticNode(node)), node, { secrets: false })
        : translateResources(context.mesh.view(node), query.type === 'all' ? RESOURCE_TYPES : [query.type])
    },
  )
}
