import type { FastifyInstance } from 'fastify'
import { REMEMBERED_MS } from '../../figures/index.ts'
import type { Service } from '../../model/service.ts'
import type { AdminContext } from '../context.ts'
import { recentCalls, reportedCalls } from '../policies/calls.ts'
import { policiesInForce } from '../policies/in-force.ts'
import { topologyOf } from '../policies/topology.ts'
import { answers, ref } from '../schemas/parts.ts'

const getTopology = {
  operationId: 'getTopology',
  tags: ['mesh'],
  summary: 'Services and calls between them, from rules and, where proxies report, from traffic',
  querystring: {
    type: 'object',
    properties: {
      window: {
        ...{ type: 'integer', minimum: 30, maximum: REMEMBERED_MS / 1_000, default: 300 },
        description: 'Seconds that `recent` of the edges covers.',
      },
    },
  },
  response: answers(ref('Topology'), 'Nodes and edges.'),
}

/** Who calls whom. */
export function topologyRoutes(app: FastifyInstance, context: AdminContext): void {
  const { registry, endpoints, settings } = context.mesh.model
  /** Those of the port that has most: an endpoint stands under each port of its service. */
  const endpointCount = (service: Service) =>
    Math.max(
      0,
      ...service.ports.map(
        (port) => new Set(endpoints.look(service, port).map(({ address, port: at }) => `${address}:${at}`)).size,
      ),
    )

  app.get<{ Querystring: { window: number } }>('/api/v1/topology', { schema: getTopology }, async ({ query }) =>
    topologyOf({
      services: registry.services(),
      endpoints: endpointCount,
      objects: context.config.objects,
      policies: policiesInForce(context),
      domain: settings().domain,
      calls: reportedCalls(context),
      recent: recentCalls(context, query.window, Date.now()),
    }),
  )
}
