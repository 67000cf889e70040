import type { FastifyInstance } from 'fastify'
import type { ConfigObject } from '../../config/object.ts'
import type { AdminContext } from '../context.ts'
import { answers, ref } from '../schemas/parts.ts'

/** Where documents are that name no namespace. */
function defaultNamespace(objects: Iterable<ConfigObject>): string {
  for (const { kind, spec } of objects)
    if (kind === 'Mesh') return (spec as { readonly defaultNamespace?: string }).defaultNamespace ?? 'default'
  return 'default'
}

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
      defaultNamespace: defaultNamespace(config.objects.values()),
      ...(xds === undefined ? {} : { xds }),
      ...(folder === undefined ? {} : { folder }),
    }),
  )
}
