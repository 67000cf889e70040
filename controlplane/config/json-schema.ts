import * as z from 'zod'
import type { KindDefinition } from './kind.ts'

/** JSON Schema, draft 2020-12, as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What a field tells about itself, by the keyword it gets: `default` here is prose, which JSON Schema's own keyword is not. */
const KEYWORDS = {
  doc: 'description',
  default: 'x-default',
  unsupported: 'x-unsupported',
  deprecation: 'x-deprecated',
  oneofs: 'x-oneofs',
  nullable: 'x-nullable',
} as const

const name = { type: 'string', minLength: 1, maxLength: 253 } as const
const texts = { type: 'object', additionalProperties: { type: 'string' } } as const

const metadata = {
  type: 'object',
  description: 'Who the object is.',
  properties: {
    name: { ...name, description: 'Name, unique among objects of the kind in the namespace.' },
    namespace: { ...name, description: 'Namespace.', 'x-default': 'the default namespace of the mesh' },
    labels: { ...texts, description: 'Labels.' },
    annotations: { ...texts, description: 'Notes for people and tools.' },
  },
} as const

/**
 * The schema of whole documents of a kind, for editors and forms: types, bounds and documentation of every field. Rules that concern
 * several fields are not in it; `checkDocument` has the last word. Words of our own: `x-default` (what holds when the field is
 * absent), `x-unsupported` and `x-deprecated` (reasons), `x-nullable`, and `x-oneofs` (groups of fields of which one at most may be set). Parts that stand in several places, or in
 * themselves, are under `$defs`.
 */
export function jsonSchemaOf({ kind, group, versions, doc, schema, editors, ...rest }: KindDefinition): JsonSchema {
  const { flat, single, nameOf } = rest
  const {
    $schema: _,
    $defs,
    ...spec
  } = alternatives(
    z.toJSONSchema(editors ?? schema, {
      io: 'input',
      unrepresentable: 'any',
      override: ({ jsonSchema }) => rename(jsonSchema as Record<string, unknown>),
    }),
  ) as Record<string, unknown>
  const apiVersions = versions.map((version) => (group ? `${group}/${version}` : version))
  const head = {
    apiVersion: { type: 'string', enum: apiVersions, description: 'API group and version.' },
    kind: { type: 'string', const: kind, description: doc },
    metadata,
  }
  const fields = flat
    ? { ...head, ...(spec['properties'] as object) }
    : { ...head, spec: { description: doc, ...spec } }
  const needed = [...(nameOf ? [] : ['apiVersion']), 'kind', ...(single || nameOf ? [] : ['metadata'])]
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: kind,
    description: doc,
    type: 'object',
    properties: fields,
    required: needed,
    ...($defs === undefined ? {} : { $defs }),
  }
}

function rename(schema: Record<string, unknown>): void {
  for (const [ours, keyword] of Object.entries(KEYWORDS)) {
    if (!(ours in schema)) continue
    const value = schema[ours]
    delete schema[ours]
    schema[keyword] = value
  }
}

/** Several types in one `type` written as `anyOf`, so that readers meet one form of alternatives. */
function alternatives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(alternatives)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) =>
    key === 'type' && Array.isArray(inner)
      ? (['anyOf', inner.map((type) => ({ type }))] as const)
      : ([key, alternatives(inner)] as const),
  )
  return Object.fromEntries(entries)
}
