import type { FastifyInstance } from 'fastify'
import { compareDiagnostics } from '../../../diagnostics/diagnostic.ts'
import type { AdminContext } from '../../context.ts'
import { answers, listOf } from '../../schemas/parts.ts'
import { ruleList } from '../rules.ts'

/** The objects in force, for lists; they can be asked for where nothing can be changed, too. */
export function ruleRoutes(app: FastifyInstance, context: AdminContext): void {
  const { config, status } = context
  app.get(
    '/api/v1/rules',
    {
      schema: {
        operationId: 'listRules',
        tags: ['config'],
        summary: 'Objects in force with their complaints and last change',
        response: answers(
          {
            type: 'object',
            properties: {
              rules: listOf('Rule', 'Objects in force.'),
              broken: listOf('Diagnostic', 'Errors of documents that are not in force.'),
            },
            required: ['rules', 'broken'],
          },
          'In order of precedence.',
        ),
      },
    },
    async () => {
      const { editing } = context
      const ledger = editing?.changes.ledger
      const files = (ledger?.files() ?? []).map((one) => [editing!.changes.planner.pathOf(one.file), one] as const)
      return ruleList({
        objects: config.objects,
        refused: config.refused,
        diagnostics: [...config.diagnostics(), ...status.diagnostics()].sort(compareDiagnostics),
        files: new Map(files),
        revision: (id) => ledger?.revision(id),
      })
    },
  )
}
