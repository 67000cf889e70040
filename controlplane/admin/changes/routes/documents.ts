import type { FastifyInstance } from 'fastify'
import { nameProblem } from '../../../ledger/index.ts'
import type { Editing } from '../../editing.ts'
import { badRequest, notFound } from '../../http/errors.ts'
import { answers, named, whole } from '../../schemas/parts.ts'
import { keptRevision } from '../kept.ts'
import { visibleText } from '../show.ts'
import { fileName } from './parameters.ts'

const listDocuments = {
  operationId: 'listDocuments',
  tags: ['changes'],
  summary: 'Files of configuration, and the newest revision',
  response: answers(
    {
      type: 'object',
      properties: {
        revision: whole('The newest revision.'),
        ...named('files', 'DocumentFile', 'By name.').properties,
      },
      required: ['revision', 'files'],
    },
    'By name.',
  ),
}

const getDocument = {
  operationId: 'getDocument',
  tags: ['changes'],
  summary: 'The text of a file, now or after a revision',
  params: { type: 'object', properties: { file: fileName }, required: ['file'] },
  querystring: {
    type: 'object',
    properties: { revision: { type: 'integer', minimum: 1, description: 'The newest if not given.' } },
  },
  response: answers({ $ref: 'DocumentText#' }, 'The file.'),
}

/** The files of configuration. */
export function documentRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get('/api/v1/documents', { schema: listDocuments }, async () => {
    const { ledger, planner } = need().changes
    // First: where another process writes the history, files may be newer than what is said of them, never older.
    const revision = ledger.head
    const objects = new Map<string, string[]>()
    for (const [key, { source }] of planner.loaded?.objects ?? [])
      objects.set(source.file, [...(objects.get(source.file) ?? []), key])
    const files = ledger.files().map(({ file, hash, revision: changed }) => {
      const path = planner.pathOf(file)
      return {
        file,
        path,
        hash,
        revision: changed,
        writable: ledger.isWritable(file),
        objects: objects.get(path) ?? [],
      }
    })
    return { revision, files }
  })

  app.get<{ Params: { file: string }; Querystring: { revision?: number } }>(
    '/api/v1/documents/:file',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getDocument },
    async ({ params: { file }, query, actor }) => {
      const { changes } = need()
      const { ledger, planner } = changes
      const problem = nameProblem(file)
      if (problem) throw badRequest(`${JSON.stringify(file)}: ${problem}`)
      const revision = keptRevision(ledger, query.revision ?? ledger.head).id
      const hash = ledger.hashAt(file, revision)
      if (hash === undefined) throw notFound(`there is no file ${file} in revision ${revision}`)
      return {
        file,
        path: planner.pathOf(file),
        revision,
        hash,
        ...visibleText(changes, actor, file, ledger.content(hash)),
      }
    },
  )
}
