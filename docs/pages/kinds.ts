import type * as z from 'zod'
import type { KindDefinition } from '../../controlplane/config/kind.ts'
import { KINDS } from '../../controlplane/config/kinds.ts'
import { itemOf, shapeOf, unwrap } from '../../controlplane/config/normalise.ts'
import { code, table } from './markdown.ts'

/** How deep fields are unfolded; no kind comes near it. */
const MAX_DEPTH = 12

interface Row {
  readonly field: string
  readonly type: string
  readonly meta: z.GlobalMeta
  readonly needed: boolean
}

function typeName(schema: z.ZodType): string {
  const plain = unwrap(schema)
  const { type } = plain._zod.def
  const item = itemOf(plain)
  if (item) return item.kind === 'array' ? `list of ${typeName(item.schema)}` : `map of ${typeName(item.schema)}`
  if (type === 'enum') return (plain as z.ZodEnum).options.map((option) => code(String(option))).join(', ')
  if (type === 'object') return 'object'
  if (type === 'unknown') return 'anything'
  if (type === 'union') return 'text, number, boolean or condition'
  const format = schema.meta()?.format ?? plain.meta()?.format
  if (format === 'duration' || format === 'port' || format === 'uri') return format === 'uri' ? 'URL' : format
  return type === 'number' ? (format ?? 'integer') : type === 'string' ? 'text' : type
}

function rowsOf(schema: z.ZodType, prefix: string, depth: number): readonly Row[] {
  const shape = shapeOf(schema)
  if (!shape || depth > MAX_DEPTH) return []
  return Object.entries(shape).flatMap(([name, field]) => {
    const place = prefix ? `${prefix}.${name}` : name
    const row = {
      field: place,
      type: typeName(field),
      meta: field.meta() ?? {},
      needed: field._zod.def.type !== 'optional',
    }
    return [row, ...below(field, place, depth + 1)]
  })
}

function below(schema: z.ZodType, place: string, depth: number): readonly Row[] {
  const item = itemOf(schema)
  if (!item) return rowsOf(schema, place, depth)
  return below(item.schema, item.kind === 'array' ? `${place}[]` : `${place}.*`, depth)
}

function support({ meta }: Row): string {
  if (meta.unsupported !== undefined) return `no: ${meta.unsupported}`
  return meta.deprecation === undefined ? 'yes' : `deprecated: ${meta.deprecation}`
}

function kindSection(definition: KindDefinition): string {
  const { kind, group, versions, doc, compiled, instead, schema, flat } = definition
  const api = versions.map((version) => code(group ? `${group}/${version}` : version)).join(', ')
  const rows = rowsOf(schema, '', 0).map((row) => [
    code(row.field),
    row.type,
    row.needed ? 'required' : String(row.meta.default ?? ''),
    row.meta.doc ?? '',
    compiled ? support(row) : 'checked only',
  ])
  const note = compiled
    ? ''
    : `\n\nDocuments of this kind are checked completely, but nothing is compiled of them yet${instead ? `: ${instead}` : ''}.`
  const root = flat ? 'Fields stand beside `metadata`.' : 'Fields below `spec`.'
  return `## ${kind}\n\n${doc} ${api}. ${root}${note}\n\n${table(['field', 'type', 'default', 'what', 'supported'], rows)}\n`
}

/** docs/kinds.md: every kind with every field. */
export function kindsPage(): string {
  const overview = table(
    ['kind', 'group', 'versions', 'compiled', 'what'],
    KINDS.map(({ kind, group, versions, compiled, doc }) => [
      `[${kind}](#${kind.toLowerCase()})`,
      group || '(core)',
      versions.join(', '),
      compiled ? 'yes' : 'not yet',
      doc,
    ]),
  )
  return [
    '# Kinds',
    '',
    'Made by `npm run docs` of the schemas in `controlplane/config/kinds/`; do not edit.',
    '',
    'A field marked *no* is checked and then has no effect; a document that uses it gets the warning `FIELD_UNSUPPORTED` with the reason.',
    'Names may be written in `snake_case` too. Durations are written as in Go: `300ms`, `1.5s`, `1h30m`.',
    '',
    overview,
    '',
    ...KINDS.map(kindSection),
  ].join('\n')
}
