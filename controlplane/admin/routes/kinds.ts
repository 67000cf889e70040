import type { FastifyInstance } from 'fastify'
import { type JsonSchema, jsonSchemaOf } from '../../config/json-schema.ts'
import { KINDS, kindsNamed } from '../../config/kinds.ts'
import { notFound } from '../http/errors.ts'
import { answers, listOf } from '../schemas/parts.ts'

/** The kinds of documents and their schemas: what editors complete, and what forms are made of. */
export function kindRoutes(app: FastifyInstance): void {
  const made = new Map<string, JsonSchema>()

  app.get(
    '/api/v1/kinds',
    {
      schema: {
        operationId: 'listKinds',
        tags: ['config'],
        summary: 'Kinds of documents',
        response: answers(
          { type: 'object', properties: { kinds: listOf('Kind', 'All that are known.') }, required: ['kinds'] },
          'In the order of the documentation.',
        ),
      },
    },
    async () => ({
      kinds: KINDS.map(({ kind, group, versions, doc, compiled }) => ({ kind, group, versions, doc, compiled })),
    }),
  )

  app.get<{ Params: { kind: string } }>(
    '/api/v1/kinds/:kind/schema',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'getKindSchema',
        tags: ['config'],
        summary: 'JSON Schema of the documents of a kind, with the documentation of every field',
        params: {
          type: 'object',
          properties: {
            kind: { type: 'string', maxLength: 100, description: 'As documents write it, such as VirtualService.' },
          },
          required: ['kind'],
        },
        response: answers(
          {
            type: 'object',
            additionalProperties: true,
            description:
              'Draft 2020-12. `x-default` is what holds when a field is absent, `x-oneofs` are fields that exclude each other, `x-unsupported` and `x-deprecated` are reasons.',
          },
          'The schema.',
        ),
      },
    },
    async ({ params: { kind } }) => {
      const [definition] = kindsNamed(kind)
      if (!definition) throw notFound(`there is no kind ${JSON.stringify(kind)}`)
      const schema = made.get(kind) ?? jsonSchemaOf(definition)
      made.set(kind, schema)
      return schema
    },
  )
}
