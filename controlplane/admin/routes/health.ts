import type { FastifyInstance } from 'fastify'
import type { AdminContext } from '../context.ts'

/** For orchestrators: alive as soon as it answers, ready once all configuration has been read. And Prometheus metrics. */
export function healthRoutes(app: FastifyInstance, { config, sources, metrics }: AdminContext): void {
  const text = (description: string) => ({ description, content: { 'text/plain': { schema: { type: 'string' } } } })

  app.get(
    '/healthz/live',
    {
      schema: {
        operationId: 'live',
        tags: ['health'],
        summary: 'Is the process alive?',
        response: { 200: text('It is.') },
      },
    },
    async (_request, reply) => reply.type('text/plain').send('live\n'),
  )
  app.get(
    '/healthz/ready',
    {
      schema: {
        operationId: 'ready',
        tags: ['health'],
        summary: 'May proxies be sent here?',
        response: { 200: text('All configuration was read once.'), 503: text('Not yet.') },
      },
    },
    async (_request, reply) =>
      config.ready && (sources?.ready ?? true)
        ? reply.type('text/plain').send('ready\n')
        : reply
            .status(503)
            .type('text/plain')
            .send(config.ready ? 'waiting for a registry\n' : 'reading configuration\n'),
  )
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        tags: ['health'],
        summary: 'Prometheus metrics',
        response: { 200: text('Text format.') },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  )
}
