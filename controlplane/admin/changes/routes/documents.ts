import type { FastifyInstance } from 'fastify'
import { nameProblem, REVISION_SOURCES, type RevisionSource } from '../../../ledger/index.ts'
import type { Editing } from '../../editing.ts'
import { badRequest, notFound } from '../../http/errors.ts'
import { answers, named, revisionParams, whole } from '../../schemas/parts.ts'
import { shownFile, shownRevision, visibleText } from '../show.ts'

const fileName = { type: 'string', minLength: 1, maxLength: 512, description: 'Below the folder; `/` as %2F.' } as const

/** The files of configuration and their history. */
export function documentRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get(
    '/api/v1/documents',
    {
      schema: {
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
      },
    },
    async () => {
      const { changes } = need()
      const { ledger, planner } = changes
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
    },
  )

  app.get<{ Params: { file: string }; Querystring: { revision?: number } }>(
    '/api/v1/documents/:file',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'getDocument',
        tags: ['changes'],
        summary: 'The text of a file, now or after a revision',
        params: { type: 'object', properties: { file: fileName }, required: ['file'] },
        querystring: {
          type: 'object',
          properties: { revision: { type: 'integer', minimum: 1, description: 'The newest if not given.' } },
        },
        response: answers({ $ref: 'DocumentText#' }, 'The file.'),
      },
    },
    async ({ params: { file }, query, actor }) => {
      const { changes } = need()
      const { ledger, planner } = changes
      const problem = nameProblem(file)
      if (problem) throw badRequest(`${JSON.stringify(file)}: ${problem}`)
      const revision = query.revision ?? ledger.head
      if (!ledger.revision(revision)) throw notFound(`there is no revision ${revision}, or it is no longer kept`)
      const hash = ledger.hashAt(file, revision)
      if (hash === undefined) throw notFound(`there is no file ${file} in revision ${revision}`)
      const text = visibleText(changes, actor, file, ledger.content(hash))
      return { file, path: planner.pathOf(file), revision, hash, ...text }
    },
  )

  app.get<{ Querystring: { before?: number; limit: number; file?: string; source?: RevisionSource; who?: string } }>(
    '/api/v1/revisions',
    {
      schema: {
        operationId: 'listRevisions',
        tags: ['changes'],
        summary: 'The history, newest first',
        querystring: {
          type: 'object',
          properties: {
            before: { type: 'integer', minimum: 1, description: 'Only older ones than this.' },
            limit: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'The most to answer.' },
            file: fileName,
            source: { type: 'string', enum: [...REVISION_SOURCES], description: 'Only those made in this way.' },
            who: { type: 'string', maxLength: 256, description: 'Only those of this user.' },
          },
        },
        response: answers(named('revisions', 'Revision', 'Newest first.'), 'Newest first.'),
      },
    },
    async ({ query }) => ({ revisions: need().changes.ledger.revisions(query).map(shownRevision) }),
  )

  app.get<{ Params: { revision: number } }>(
    '/api/v1/revisions/:revision',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'getRevision',
        tags: ['changes'],
        summary: 'One revision',
        params: revisionParams,
        response: answers({ $ref: 'Revision#' }, 'The revision.'),
      },
    },
    async ({ params }) => {
      const revision = need().changes.ledger.revision(params.revision)
      if (!revision) throw notFound(`there is no revision ${params.revision}, or it is no longer kept`)
      return shownRevision(revision)
    },
  )

  app.get<{ Params: { revision: number }; Querystring: { from?: number } }>(
    '/api/v1/revisions/:revision/diff',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'compareRevisions',
        tags: ['changes'],
        summary: 'What differs between two revisions',
        params: revisionParams,
        querystring: {
          type: 'object',
          properties: { from: { type: 'integer', minimum: 0, description: 'The one before if not given.' } },
        },
        response: answers(named('files', 'ChangedFile', 'By name.'), 'Files that differ, by name.'),
      },
    },
    async ({ params: { revision }, query, actor }) => {
      const { changes } = need()
      const { ledger } = changes
      const to = ledger.revision(revision)
      const from = query.from ?? to?.parent ?? 0
      for (const id of [revision, from])
        if (id !== 0 && !ledger.revision(id)) throw notFound(`there is no revision ${id}, or it is no longer kept`)
      const before = from === 0 ? new Map<string, string>() : ledger.treeAt(from)
      const after = ledger.treeAt(revision)
      const names = [...new Set([...before.keys(), ...after.keys()])].sort()
      const content = (hash: string | undefined) => (hash === undefined ? undefined : ledger.content(hash))
      return {
        files: names
          .filter((file) => before.get(file) !== after.get(file))
          .map((file) =>
            shownFile(changes, actor, { file, before: content(before.get(file)), after: content(after.get(file)) }),
          ),
      }
    },
  )
}
