import { linked } from '../../admin-ui/src/forms/linked.ts'
import type { FieldSchema } from '../../admin-ui/src/forms/schema.ts'
import { jsonSchemaOf } from '../../controlplane/config/json-schema.ts'
import { kindsNamed } from '../../controlplane/config/kinds.ts'

const made = new Map<string, FieldSchema>()

/** The schema the API answers for a kind, after its way through JSON. */
export function kindSchema(kind: string): FieldSchema | undefined {
  const known = made.get(kind)
  const [definition] = kindsNamed(kind)
  if (known || !definition) return known
  const schema = linked(JSON.parse(JSON.stringify(jsonSchemaOf(definition))) as FieldSchema)
  made.set(kind, schema)
  return schema
}
