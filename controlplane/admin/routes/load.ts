import type { FastifyInstance } from 'fastify'
import { percentilesOf } from '../../figures/index.ts'
import { parseOutboundClusterName } from '../../model/service.ts'
import { RECENT_MINUTES } from '../../reports/index.ts'
import type { AdminContext } from '../context.ts'
import { notFound } from '../http/errors.ts'
import { answers, listOf } from '../schemas/parts.ts'

const limit = {
  type: 'integer',
  minimum: 1,
  maximum: 10_000,
  default: 1000,
  description: 'The most to answer.',
} as const

const listLoad = {
  operationId: 'listLoad',
  tags: ['mesh'],
  summary: 'Requests that all proxies reported, by cluster',
  querystring: { type: 'object', properties: { limit } },
  response: answers(
    {
      type: 'object',
      properties: { clusters: listOf('ClusterTotals', 'Busiest first.') },
      required: ['clusters'],
    },
    'Busiest first; sums since the control plane began to take reports.',
  ),
}

const getProxyLoad = {
  operationId: 'getProxyLoad',
  tags: ['proxies'],
  summary: 'What one proxy sent where',
  params: {
    type: 'object',
    properties: { node: { type: 'string', minLength: 1, maxLength: 1024, description: 'Node id.' } },
    required: ['node'],
  },
  querystring: { type: 'object', properties: { limit } },
  response: answers(
    { type: 'object', properties: { clusters: listOf('ClusterLoad', 'Busiest first.') }, required: ['clusters'] },
    'Busiest first; sums since the proxy began to report.',
  ),
}

const listEdges = {
  operationId: 'listEdges',
  tags: ['mesh'],
  summary: 'Who calls whom',
  description: 'Empty unless `Mesh.spec.trafficReports` is on.',
  querystring: {
    type: 'object',
    properties: {
      window: {
        type: 'integer',
        minimum: 1,
        maximum: RECENT_MINUTES,
        default: 5,
        description: 'Minutes that `recent` covers.',
      },
      limit,
    },
  },
  response: answers(
    {
      type: 'object',
      properties: { edges: listOf('Edge', 'Busiest in the window first.') },
      required: ['edges'],
    },
    'Busiest in the window first.',
  ),
}

/** What proxies sent where, from their load reports. */
export function loadRoutes(app: FastifyInstance, { reports }: AdminContext): void {
  app.get<{ Querystring: { limit: number } }>('/api/v1/load', { schema: listLoad }, async ({ query }) => ({
    clusters: [...(reports?.load.clusters() ?? [])]
      .map(([cluster, totals]) => ({ cluster, ...totals }))
      .sort((a, b) => b.issued - a.issued || (a.cluster < b.cluster ? -1 : 1))
      .slice(0, query.limit),
  }))

  app.get<{ Params: { node: string }; Querystring: { limit: number } }>(
    '/api/v1/proxies/:node/load',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getProxyLoad },
    async ({ params: { node }, query }) => {
      const clusters = reports?.load.clustersOf(node)
      if (!clusters)
        throw notFound(
          `${node} reports no load: start it with what "meshgate bootstrap" prints, and give it some seconds`,
        )
      return {
        clusters: clusters.slice(0, query.limit).map(({ firstReportedAt, lastUsedAt, ...rest }) => ({
          ...rest,
          firstReportedAt: new Date(firstReportedAt).toISOString(),
          lastUsedAt: new Date(lastUsedAt).toISOString(),
        })),
      }
    },
  )

  app.get<{ Querystring: { window: number; limit: number } }>(
    '/api/v1/edges',
    { schema: listEdges },
    async ({ query }) => ({
      edges: (reports?.access.allEdges(query.window * 60_000) ?? [])
        .slice(0, query.limit)
        .map(({ lastSeenAt, recent: { latency, ...recent }, ...edge }) => {
          const parts = parseOutboundClusterName(edge.cluster)
          return {
            ...edge,
            recent: { ...recent, ...percentilesOf(latency) },
            lastSeenAt: new Date(lastSeenAt).toISOString(),
            ...(parts && { host: parts.hostname, port: parts.port, ...(parts.subset && { subset: parts.subset }) }),
          }
        }),
    }),
  )
}
