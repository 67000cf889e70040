import type { FastifyInstance } from 'fastify'
import { REVISION_SOURCES, type RevisionSource } from '../../../ledger/index.ts'
import type { Editing } from '../../editing.ts'
import { answers, named } from '../../schemas/parts.ts'
import { keptRevision } from '../kept.ts'
import { shownFile, shownRevision } from '../show.ts'
import { fileName, revisionParams } from './parameters.ts'

const listRevisions = {
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
}

const getRevision = {
  operationId: 'getRevision',
  tags: ['changes'],
  summary: 'One revision',
  params: revisionParams,
  response: answers({ $ref: 'Revision#' }, 'The revision.'),
}

const compareRevisions = {
  operationId: 'compareRevisions',
  tags: ['changes'],
  summary: 'What differs between two revisions',
  params: revisionParams,
  querystring: {
    type: 'object',
    properties: { from: { type: 'integer', minimum: 0, description: 'The one before if not given.' } },
  },
  response: answers(named('files', 'ChangedFile', 'By name.'), 'Files that differ, by name.'),
}

/** The history of the files of configuration. */
export function revisionRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get<{ Querystring: { before?: number; limit: number; file?: string; source?: RevisionSource; who?: string } }>(
    '/api/v1/revisions',
    { schema: listRevisions },
    async ({ query }) => ({ revisions: need().changes.ledger.revisions(query).map(shownRevision) }),
  )

  app.get<{ Params: { revision: number } }>(
    '/api/v1/revisions/:revision',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getRevision },
    async ({ params }) => shownRevision(keptRevision(need().changes.ledger, params.revision)),
  )

  app.get<{ Params: { revision: number }; Querystring: { from?: number } }>(
    '/api/v1/revisions/:revision/diff',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: compareRevisions },
    async ({ params: { revision }, query, actor }) => {
      const { changes } = need()
      const { ledger } = changes
      // 0 is the folder before the first file.
      const from = query.from ?? ledger.revision(revision)?.parent ?? 0
      for (const id of [revision, from]) if (id !== 0) keptRevision(ledger, id)
      const before = from === 0 ? new Map<string, string>() : ledger.treeAt(from)
      const after = ledger.treeAt(revision)
      const content = (hash: string | undefined) => (hash === undefined ? undefined : ledger.content(hash))
      return {
        files: [...new Set([...before.keys(), ...after.keys()])]
          .sort()
          .filter((file) => before.get(file) !== after.get(file))
          .map((file) =>
            shownFile(changes, actor, { file, before: content(before.get(file)), after: content(after.get(file)) }),
          ),
      }
    },
  )
}
