import type { FastifyInstance } from 'fastify'
import { REMEMBERED_MS } from '../../figures/index.ts'
import type { AdminContext } from '../context.ts'
import { answers, listOf, ref } from '../schemas/parts.ts'

const windowed = {
  type: 'object',
  properties: {
    window: { type: 'integer', minimum: 5, maximum: REMEMBERED_MS / 1000, default: 300, description: 'Seconds.' },
  },
} as const

/** What services get, how much of it fails and how long it takes. */
export function figureRoutes(app: FastifyInstance, { figures }: AdminContext): void {
  /** Bounds of the last so many seconds, ms since 1970: no longer ago than figures are taken. */
  const last = (seconds: number) => {
    const now = Date.now()
    return { from: Math.max(now - seconds * 1000, figures?.since ?? now), now }
  }
  app.get<{ Querystring: { window: number } }>(
    '/api/v1/figures',
    {
      schema: {
        operationId: 'listFigures',
        tags: ['mesh'],
        summary: 'Requests, failures and latency of services in the last minutes',
        description:
          'From the counters of proxies whose admin interface is on loopback, and from the load reports of the others, which know no latency.',
        querystring: windowed,
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
      const { from, now } = last(query.window)
      const services = (figures?.book.services() ?? [])
        .map((hostname) => ({ hostname, ...figures!.book.between(hostname, from, now) }))
        .filter(({ requests }) => requests > 0)
        .sort((a, b) => b.failed / b.requests - a.failed / a.requests || b.requests - a.requests)
      return { services, seconds: Math.round((now - from) / 1_000), reading: figures?.reading ?? [] }
    },
  )
  app.get<{ Params: { hostname: string }; Querystring: { window: number } }>(
    '/api/v1/services/:hostname/figures',
    {
      schema: {
        operationId: 'getServiceFigures',
        tags: ['mesh'],
        summary: 'Requests, failures and latency of a service in the last minutes, by cluster and by time',
        description: 'From where those of all services come. All is empty for a host nobody has sent requests to.',
        params: { type: 'object', properties: { hostname: { type: 'string', description: 'In full; in any case.' } } },
        querystring: windowed,
        response: answers(ref('ServiceCourse'), 'Of the window.'),
      },
    },
    async ({ params, query }) => {
      const hostname = params.hostname.toLowerCase()
      const { from, now } = last(query.window)
      const nothing = { requests: 0, failed: 0 }
      return {
        hostname,
        from: new Date(from).toISOString(),
        seconds: Math.round((now - from) / 1_000),
        reading: figures?.reading.length ?? 0,
        ...(figures?.book.between(hostname, from, now) ?? nothing),
        clusters: figures?.book.clusters(hostname, from, now) ?? [],
        steps: figures?.book.steps(hostname, from, now) ?? [],
      }
    },
  )
}
