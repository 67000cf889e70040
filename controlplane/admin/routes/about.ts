import type { FastifyInstance } from 'fastify'
import type { AdminContext } from '../context.ts'
import { answers, ref } from '../schemas.ts'

/** What answers here: for the first proxy, and for a page that says which version it is of. */
export function aboutRoutes(app: FastifyInstance, { version, xds, folder, config }: AdminContext): void {
  app.get(
    '/api/v1/about',
    {
      schema: {
        operationId: 'getAbout',
        tags: ['health'],
        summary: 'Version, addresses and size of this control plane',
        response: answers(ref('About'), 'What it is.'),
      },
    },
    async () => ({
      version,
      node: process.version,
      objects: config.objects.size,
      ...(xds === undefined ? {} : { xds }),
      ...(folder === undefined ? {} : { folder }),
    }),
  )
}
