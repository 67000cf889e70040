import type { FastifyInstance } from 'fastify'
import { explain } from '../../explain/explain.ts'
import type { AdminContext } from '../context.ts'
import { badRequest } from '../http/errors.ts'
import { answers, ref } from '../schemas/parts.ts'
import { type NodeQuery, nodeQuery, queriedNode } from './node-query.ts'

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'tcp:', 'tls:'])

/** The way of one request through one proxy. */
export function explainRoutes(app: FastifyInstance, context: AdminContext): void {
  app.get<{ Querystring: NodeQuery & { url: string; method: string; header?: string[] } }>(
    '/api/v1/explain',
    {
      schema: {
        operationId: 'explain',
        tags: ['proxies'],
        summary: 'The way of a request through a proxy, and the lines that decided each step',
        querystring: {
          type: 'object',
          required: ['node', 'url'],
          properties: {
            ...nodeQuery,
            url: {
              type: 'string',
              maxLength: 8192,
              description:
                'http, https, tcp or tls; a port if it is not the default. `xds:///HOST:PORT` is a target of gRPC, a path may stand behind it.',
            },
            method: { type: 'string', default: 'GET', maxLength: 64, description: 'Method of the request.' },
            header: {
              type: 'array',
              maxItems: 100,
              items: { type: 'string', maxLength: 8192, pattern: '^[^=]+=' },
              description: '`name=value`, several times.',
            },
          },
        },
        response: answers(ref('Explanation'), 'Steps in order.'),
      },
    },
    async ({ query }) => {
      const asked = query.url.replace(/^xds:\/\/\//i, 'http://')
      if (!URL.canParse(asked)) throw badRequest(`${query.url} is no URL; write for example http://reviews:9080/path`)
      const url = new URL(asked)
      if (!SCHEMES.has(url.protocol) || url.hostname === '')
        throw badRequest(`${query.url} names no way through a proxy; write http, https, tcp or tls, then ://HOST:PORT`)
      const headers: Record<string, string> = {}
      for (const header of query.header ?? []) {
        const at = header.indexOf('=')
        headers[header.slice(0, at).trim().toLowerCase()] = header.slice(at + 1)
      }
      const view = context.mesh.view(queriedNode(query, context))
      return explain(view, { url, method: query.method.toUpperCase(), headers }, context.mesh.model)
    },
  )
}
