import type { FastifyInstance } from 'fastify'
import { compareDiagnostics } from '../../diagnostics/diagnostic.ts'
import { checkTexts, summarize } from '../analyze.ts'
import { problemsOfViews } from '../compile-problems.ts'
import type { AdminContext } from '../context.ts'
import { answers, ref } from '../schemas/parts.ts'

/** What is wrong with the configuration in force, and with texts that are sent. */
export function diagnosticRoutes(app: FastifyInstance, { config, mesh, status }: AdminContext): void {
  app.get(
    '/api/v1/diagnostics',
    {
      schema: {
        operationId: 'getDiagnostics',
        tags: ['config'],
        summary: 'Complaints about the configuration in force, those of proxies included',
        response: answers(ref('Diagnostics'), 'Worst first.'),
      },
    },
    async () => {
      const views = new Set(status.clients().map(({ node }) => mesh.view(node)))
      const all = [...config.diagnostics(), ...status.diagnostics(), ...problemsOfViews(views, mesh.model.world)]
      return summarize(all.sort(compareDiagnostics))
    },
  )

  app.post<{ Body: { files: Record<string, string> } }>(
    '/api/v1/analyze',
    {
      config: { access: 'viewer', reads: true },
      bodyLimit: 16 * 1024 * 1024,
      schema: {
        operationId: 'analyze',
        tags: ['config'],
        summary: 'Complaints about documents that are sent; nothing is changed',
        body: {
          type: 'object',
          required: ['files'],
          properties: {
            files: {
              type: 'object',
              description: 'YAML texts by file name.',
              additionalProperties: { type: 'string' },
              maxProperties: 10_000,
            },
          },
        },
        response: answers(ref('Diagnostics'), 'Worst first; files are named as they were sent.'),
      },
    },
    async ({ body }) => summarize(checkTexts(body.files).diagnostics),
  )
}
