import type { FastifyInstance } from 'fastify'
import { REMEMBERED_MS } from '../../figures/index.ts'
import type { AdminContext } from '../context.ts'
import { answers, listOf } from '../schemas/parts.ts'

/** What services get, how much of it fails and how long it takes. */
export function figureRoutes(app: FastifyInstance, { figures }: AdminContext): void {
  app.get<{ Querystring: { window: number } }>(
    '/api/v1/figures',
    {
      schema: {
        operationId: 'listFigures',
        tags: ['mesh'],
        summary: 'Requests, failures and latency of services in the last minutes',
        description:
          'From the counters of proxies whose admin interface is on loopback, and from the load reports of the others, which know no latency.',
        querystring: {
          type: 'object',
          properties: {
            window: {
              type: 'integer',
              minimum: 5,
              maximum: REMEMBERED_MS / 1000,
              default: 300,
              description: 'Seconds.',
            },
          },
        },
        response: answers(
          {
            type: 'object',
            properties: {
              services: listOf('ServiceFigures', 'Services with requests in the window.'),
              seconds: {
                type: 'integer',
                description: 'How long the window is: less than asked for where counters have not been read that long.',
              },
              reading: { type: 'array', items: { type: 'string' }, description: 'Proxies whose counters are read.' },
            },
            required: ['services', 'seconds', 'reading'],
          },
          'Services with requests in the window, the highest share of failures first.',
        ),
      },
    },
    async ({ query }) => {
      const now = Date.now()
      const from = Math.max(now - query.window * 1000, figures?.since ?? now)
      const services = (figures?.book.services() ?? [])
        .map((hostname) => ({ hostname, ...figures!.book.between(hostname, from, now) }))
        .filter(({ requests }) => requests > 0)
        .sort((a, b) => b.failed / b.requests - a.failed / a.requests || b.requests - a.requests)
      return { services, seconds: Math.round((now - from) / 1_000), reading: figures?.reading ?? [] }
    },
  )
}
